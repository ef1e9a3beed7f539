// SPDX-License-Identifier: Apache-2.0
#include "photo_calls.hpp"

#include "agreement.hpp"
#include "device_filters.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <stdexcept>
#include <thread>
#include <utility>

namespace photos {
namespace {

using namespace std::chrono_literals;

/// Keeps a call, and makes a picture of what it brings.
template <class R, class Make>
pending keep(modal::call_handle<R> call, Make make) {
  auto kept = std::make_shared<modal::call_handle<R>>(std::move(call));
  return {.wait_for = [kept](std::chrono::milliseconds most) { return kept->wait_for(most); },
          .take = [kept, make]() -> modal::result<image> {
            auto answer = kept->try_get();
            if (!answer) return answer.error();
            return make(*std::move(answer));
          },
          .report = [kept] { return kept->report(); }};
}

/// Starts one remote call. This is all that calling a function elsewhere takes.
pending start_remote(modal::client& client, const image& picture, const std::string& function,
                     const filter_settings& settings, place where) {
  // As a span, the pixels are sent from where they are; a vector would be copied into the call.
  const std::span<const std::uint8_t> pixels(picture.pixels);
  const auto as_it_is = [](image answer) { return answer; };
  const auto of_size = [](image_size size) {
    return [size](std::vector<std::uint8_t> answer) { return image{size, std::move(answer)}; };
  };
  const image_size size = picture.size;
  if (function == "denoise") {
    if (where == place::device)
      return keep(
          modal::remote<on_device::denoise>.on(client).spawn(size, pixels, settings.strength),
          of_size(size));
    return keep(modal::remote<denoise>.on(client).spawn(size, pixels, settings.strength), as_it_is);
  }
  if (function == "edges") {
    if (where == place::device)
      return keep(
          modal::remote<on_device::edges>.on(client).spawn(size, pixels, settings.threshold),
          of_size({size.width, size.height, 1}));
    return keep(modal::remote<edges>.on(client).spawn(size, pixels, settings.threshold), as_it_is);
  }
  if (function == "thumbnail") {
    return keep(modal::remote<thumbnail>.on(client).spawn(size, pixels, settings.max_side),
                as_it_is);
  }
  throw std::invalid_argument("there is no function " + function);
}

image run_here(const image& picture, const std::string& function, const filter_settings& settings) {
  if (function == "denoise") return denoise(picture.size, picture.pixels, settings.strength);
  if (function == "edges") return edges(picture.size, picture.pixels, settings.threshold);
  return thumbnail(picture.size, picture.pixels, settings.max_side);
}

std::string name_of(const photo_call& call) { return call.photo + " " + call.function; }

/// An executor that cannot be reached fails all calls alike: that is one line, not fifteen.
std::vector<std::string> summary(const std::map<std::string, std::vector<std::string>>& errors) {
  std::vector<std::string> lines;
  for (const auto& [message, calls] : errors) {
    std::string line = calls.front();
    if (calls.size() > 1) line += " and " + std::to_string(calls.size() - 1) + " more";
    lines.push_back(line + ": " + message);
  }
  return lines;
}

std::string compare(const photo_call& call) {
  try {
    const image local = call.local();
    const bool agrees = call.where == place::device ? is_close(call.function, *call.result, local)
                                                    : *call.result == local;
    return agrees ? "" : name_of(call) + ": the remote result differs from the local one";
  } catch (const std::exception& e) {
    return name_of(call) + ": the local call failed: " + e.what();
  }
}

}  // namespace

std::string find_device(modal::client& client) {
  const auto where =
      modal::remote<on_device::where>.on(client).try_call(std::span<const std::uint8_t>());
  if (where) return *where;
  // An executor of somebody else's may not have these filters at all.
  if (where.error() == modal::condition::not_supported) return {};
  throw modal::call_error(where.error());
}

std::vector<photo_call> start_calls(modal::client& client, const std::vector<photo>& photos,
                                    const std::vector<std::string>& functions,
                                    const filter_settings& settings, place where) {
  std::vector<photo_call> calls;
  for (const std::string& function : functions) {
    const place there = function == "thumbnail" ? place::cpu : where;
    for (const photo& source : photos) {
      const image& picture = source.picture;
      calls.push_back({.photo = source.name,
                       .function = function,
                       .where = there,
                       .remote = start_remote(client, picture, function, settings, there),
                       .local = [&picture, function,
                                 settings] { return run_here(picture, function, settings); },
                       .result = std::nullopt});
    }
  }
  return calls;
}

std::vector<std::string> collect_results(std::vector<photo_call>& calls, progress_bar& bar) {
  std::map<std::string, std::vector<std::string>> errors;
  std::vector<photo_call*> open;
  for (photo_call& call : calls) open.push_back(&call);
  while (!open.empty()) {
    // Waits for one of them, looks at all, and so reports each soon after it is over.
    open.front()->remote.wait_for(50ms);
    const auto over = std::stable_partition(open.begin(), open.end(), [](const photo_call* call) {
      return !call->remote.wait_for(0ms);
    });
    std::for_each(over, open.end(), [&](photo_call* call) {
      auto answer = call->remote.take();
      if (answer) {
        call->result = std::move(*answer);
      } else {
        errors[answer.error().message()].push_back(name_of(*call));
      }
      bar.finish(name_of(*call));
    });
    open.erase(over, open.end());
    bar.refresh();
  }
  return summary(errors);
}

std::vector<std::string> compare_with_local_calls(const std::vector<photo_call>& calls,
                                                  progress_bar& bar) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;  // guards differences
  std::vector<std::string> differences;
  const auto work = [&] {
    for (std::size_t i = next++; i < calls.size(); i = next++) {
      if (!calls[i].result) continue;
      std::string difference = compare(calls[i]);
      bar.finish(name_of(calls[i]));
      if (difference.empty()) continue;
      const std::scoped_lock lock(mutex);
      differences.push_back(std::move(difference));
    }
  };
  std::vector<std::jthread> threads;
  for (unsigned i = 1; i < std::thread::hardware_concurrency(); ++i) threads.emplace_back(work);
  work();
  threads.clear();  // joins
  return differences;
}

}  // namespace photos
