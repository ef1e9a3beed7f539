// SPDX-License-Identifier: Apache-2.0
// Has an executor denoise, shrink and find the edges of all photos of a folder, many at a time, and
// writes the pictures. Without a URL it starts the executor itself, as a process of its own.
#include <modal/modal.hpp>

#include "executor_process.hpp"
#include "photo_calls.hpp"
#include "picture_file.hpp"
#include "progress_bar.hpp"
#include "report_table.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

namespace {

namespace fs = std::filesystem;
using namespace photos;

struct job {
  std::string url;
  fs::path executor;
  fs::path input;
  fs::path output = "pictures";
  std::vector<std::string> functions{"thumbnail", "edges", "denoise"};
  filter_settings settings;
  int shrink_to = 0;
  std::string device = "auto";
  bool verify = true;
};

/// Counts what went wrong, and says it.
class problems {
 public:
  void add(std::string_view line) {
    ++count_;
    std::cerr << "photos: " << line << '\n';
  }
  void add(const std::vector<std::string>& lines) {
    for (const std::string& line : lines) add(line);
  }
  [[nodiscard]] bool none() const { return count_ == 0; }

 private:
  std::size_t count_ = 0;
};

/// The executor that lies beside this program, as the build puts it.
fs::path executor_beside_us() {
  std::error_code failed;
  const fs::path program = fs::read_symlink("/proc/self/exe", failed);
  return program.parent_path() / "photos_executor";
}

void declare_options(CLI::App& app, job& out) {
  out.executor = executor_beside_us();
  app.add_option("--url", out.url, "executor to use; without it, one is started")
      ->envname("MODAL_URL");
  app.add_option("--executor", out.executor, "program to start where there is no URL")
      ->capture_default_str();
  app.add_option("--input", out.input, "folder of PNG and JPEG photos")
      ->required()
      ->check(CLI::ExistingDirectory);
  app.add_option("--output", out.output, "folder to write the pictures to")->capture_default_str();
  app.add_option("--only", out.functions, "functions to call, of thumbnail, edges and denoise")
      ->delimiter(',')
      ->check(CLI::IsMember({"thumbnail", "edges", "denoise"}));
  app.add_option("--strength", out.settings.strength, "noise to remove, in grey levels")
      ->capture_default_str();
  app.add_option("--threshold", out.settings.threshold,
                 "how steep edges must be, in grey levels per pixel")
      ->capture_default_str();
  app.add_option("--max-side", out.settings.max_side, "longer side of thumbnails, in pixels")
      ->capture_default_str();
  app.add_option("--shrink-to", out.shrink_to,
                 "first shrink the photos to this longer side, for a quick run");
  app.add_option("--device", out.device,
                 "where to denoise and find edges: auto (a GPU, if the executor has one), cpu, or "
                 "device (any, the host device too)")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "cpu", "device"}));
  app.add_flag("--verify,!--no-verify", out.verify,
               "compare each result with that of a local call (default)");
}

std::vector<photo> read_photos(const job& work, problems& found) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(work.input)) {
    if (entry.is_regular_file() && is_picture_name(entry.path())) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<photo> out;
  for (const fs::path& file : files) {
    try {
      image picture = read_picture(file);
      if (work.shrink_to > 0) picture = thumbnail(picture.size, picture.pixels, work.shrink_to);
      out.push_back({file.filename().string(), std::move(picture)});
    } catch (const picture_error& e) {
      found.add(e.what());
    }
  }
  if (out.empty()) throw std::runtime_error("no photo to work on in " + work.input.string());
  return out;
}

void write_pictures(const std::vector<photo_call>& calls, const fs::path& folder) {
  // sun.png and sun.jpg must not overwrite each other's pictures: they keep their whole names.
  std::map<fs::path, std::set<std::string>> names_by_stem;
  for (const photo_call& call : calls)
    names_by_stem[fs::path(call.photo).stem()].insert(call.photo);
  for (const photo_call& call : calls) {
    if (!call.result) continue;
    const fs::path stem = fs::path(call.photo).stem();
    fs::path file = folder / (names_by_stem[stem].size() == 1 ? stem : fs::path(call.photo));
    file += "." + call.function + (call.function == "thumbnail" ? ".jpg" : ".png");
    write_picture(file, *call.result);
  }
}

std::vector<report_row> to_rows(const std::vector<photo_call>& calls) {
  std::vector<report_row> rows;
  for (const photo_call& call : calls) {
    if (!call.result) continue;
    const modal::call_report report = call.remote.report();
    rows.push_back({.photo = call.photo,
                    .function = call.function,
                    .device = report.device.name.empty() ? "cpu" : report.device.name,
                    .queue = report.queue,
                    .run = report.run,
                    .transfer = report.transfer,
                    .total = report.total});
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const report_row& a, const report_row& b) { return a.photo < b.photo; });
  return rows;
}

/// Where the filters are to run, and says so.
place choose_place(const job& work, modal::client& client) {
  const std::string device = work.device == "cpu" ? "" : find_device(client);
  if (work.device == "device" && device.empty())
    throw std::runtime_error("the executor has no device for the filters");
  const bool is_used = work.device == "device" || device.starts_with("cuda:");
  std::cout << "filters run on: " << (is_used ? device : "cpu") << std::endl;
  return is_used ? place::device : place::cpu;
}

std::vector<photo_call> call_all(const job& work, modal::client& client,
                                 const std::vector<photo>& photos, place where, problems& found) {
  std::vector<std::string> errors;
  auto calls = start_calls(client, photos, work.functions, work.settings, where);
  {
    progress_bar bar("calling", calls.size(), STDERR_FILENO);
    errors = collect_results(calls, bar);
  }
  found.add(errors);
  return calls;
}

/// Returns how many results were compared, and found equal to local ones if no problem was added.
std::size_t verify(const std::vector<photo_call>& calls, problems& found) {
  const auto arrived = static_cast<std::size_t>(
      std::count_if(calls.begin(), calls.end(), [](const auto& call) { return call.result; }));
  if (arrived == 0) return 0;
  std::vector<std::string> differences;
  {
    progress_bar bar("checking", arrived, STDERR_FILENO);
    differences = compare_with_local_calls(calls, bar);
  }
  found.add(differences);
  if (differences.empty()) return arrived;
  return 0;
}

bool run(const job& work) {
  problems found;
  const std::vector<photo> photos = read_photos(work, found);
  fs::create_directories(work.output);

  std::optional<executor_process> executor;
  if (work.url.empty()) {
    executor.emplace(work.executor, work.output / "executor.log");
    std::cout << "executor: process " << executor->id() << " at " << executor->url() << std::endl;
  } else {
    std::cout << "executor: " << work.url << std::endl;
  }

  modal::client client{executor ? executor->url() : work.url};
  const place where = choose_place(work, client);
  const auto start = std::chrono::steady_clock::now();
  const auto calls = call_all(work, client, photos, where, found);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  const std::size_t equal = work.verify ? verify(calls, found) : 0;
  write_pictures(calls, work.output);
  if (executor && !executor->stop()) found.add("the executor ended with an error");

  const auto rows = to_rows(calls);
  if (rows.empty()) return false;
  std::cout << '\n' << render_table(rows) << '\n';
  std::printf("%zu calls were answered in %.2f s\n", rows.size(), elapsed.count());
  if (equal > 0) {
    std::printf("%zu results were checked: each equals that of a local call, %s\n", equal,
                where == place::device ? "a device's within 1 grey level" : "bit for bit");
  }
  std::printf("the pictures are in %s\n", work.output.c_str());
  return found.none();
}

}  // namespace

int main(int argc, char** argv) {
  job work;
  CLI::App app{"Filters the photos of a folder on a modal executor."};
  declare_options(app, work);
  CLI11_PARSE(app, argc, argv);
  try {
    return run(work) ? EXIT_SUCCESS : EXIT_FAILURE;
  } catch (const std::exception& e) {
    std::cout.flush();
    std::cerr << "photos: " << e.what() << '\n';
    return EXIT_FAILURE;
  }
}
