// SPDX-License-Identifier: Apache-2.0
// Teaches a small network to read digits, then has images classified by calls, many under way at
// once, and compares that with the same work in this process.
#include <modal/executor.hpp>
#include <modal/modal.hpp>

#include "contact_sheet.hpp"
#include "functions.hpp"
#include "idx_file.hpp"
#include "network.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace digits;
using labels_of = std::vector<std::uint8_t>;
constexpr std::size_t images_a_call = 250;

struct job {
  std::string url;
  std::filesystem::path data = DIGITS_DATA;
  std::filesystem::path sheet = "digits_wrong.png";
  int epochs = 3;
  int rounds = 5;
};

template <class Work>
double seconds(Work&& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// All images at once, a few hundred in each call. Returns the labels, and where they were found.
std::pair<labels_of, std::string> classify_there(modal::client& client, const data_set& test,
                                                 const std::vector<float>& learnt) {
  const auto classify = modal::remote<digits::classify>.on(client);
  std::vector<modal::call_handle<labels_of>> calls;
  const std::span<const std::uint8_t> all(test.images);
  for (std::size_t at = 0; at < test.labels.size(); at += images_a_call) {
    const std::size_t count = std::min(images_a_call, test.labels.size() - at);
    calls.push_back(classify.spawn(all.subspan(at * pixels, count * pixels), learnt));
  }
  std::pair<labels_of, std::string> found;
  for (auto& each : calls) {
    const labels_of some = each.get();
    found.first.insert(found.first.end(), some.begin(), some.end());
    found.second = each.report().device.name;
  }
  return found;
}

double accuracy(const labels_of& found, const labels_of& right) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < right.size(); ++i) count += found[i] == right[i] ? 1U : 0U;
  return 100.0 * static_cast<double>(count) / static_cast<double>(right.size());
}

bool run(const job& work) {
  const data_set taught =
      read_data(work.data / "train-images-10k.idx3.gz", work.data / "train-labels-10k.idx1.gz");
  const data_set test =
      read_data(work.data / "test-images-2k.idx3.gz", work.data / "test-labels-2k.idx1.gz");

  std::optional<modal::executor> executor;
  if (work.url.empty()) {
    executor.emplace(
        modal::executor_config{.port = 0, .log = modal::log_to_stderr(modal::log_level::warning)});
    executor->start();
  }
  modal::client client{executor ? executor->url() : work.url};

  std::vector<float> learnt;
  const double training = seconds([&] {
    learnt = modal::remote<digits::train>.on(client).with({.timeout = std::chrono::minutes(10)})(
        taught.images, taught.labels, work.epochs);
  });
  std::printf("taught with %zu images, %d times, in %.1f s\n", taught.labels.size(), work.epochs,
              training);

  const auto images = static_cast<double>(test.labels.size());
  labels_of here;
  const double local = seconds([&] { here = classify_here(test.images, learnt); });
  auto there = classify_there(client, test, learnt);
  double remote = 1e9;
  for (int i = 0; i < work.rounds; ++i)
    remote = std::min(remote, seconds([&] { there = classify_there(client, test, learnt); }));

  std::size_t different = 0;
  for (std::size_t i = 0; i < here.size(); ++i) different += here[i] != there.first[i] ? 1U : 0U;
  std::printf("%-12s %10s %12s\n", "", "right", "images/s");
  std::printf("%-12s %8.2f %% %12.0f\n", "here", accuracy(here, test.labels), images / local);
  std::printf("%-12s %8.2f %% %12.0f\n", there.second.c_str(), accuracy(there.first, test.labels),
              images / remote);
  std::printf("%zu labels differ between the two\n", different);
  const std::size_t wrong = write_contact_sheet(work.sheet, test.images, test.labels, there.first);
  std::printf("%zu images were taken for something else: see %s\n", wrong, work.sheet.c_str());
  return different <= 2;
}

}  // namespace

int main(int argc, char** argv) {
  job work;
  CLI::App app{"Teaches a network to read digits, and has images classified on a modal executor."};
  app.add_option("--url", work.url, "executor to use; without it, this program is one")
      ->envname("MODAL_URL");
  app.add_option("--data", work.data, "folder of the data")
      ->check(CLI::ExistingDirectory)
      ->capture_default_str();
  app.add_option("--sheet", work.sheet, "picture of what was wrong")->capture_default_str();
  app.add_option("--epochs", work.epochs, "how often each image is looked at")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  app.add_option("--rounds", work.rounds, "how often the images are classified, for the speed")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    return run(work) ? EXIT_SUCCESS : EXIT_FAILURE;
  } catch (const std::exception& e) {
    std::cout.flush();
    std::cerr << "digits: " << e.what() << '\n';
    return EXIT_FAILURE;
  }
}
