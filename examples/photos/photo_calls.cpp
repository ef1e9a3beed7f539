// SPDX-License-Identifier: Apache-2.0
#include "photo_calls.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <map>
#include <mutex>
#include <span>
#include <stdexcept>
#include <thread>
#include <utility>

namespace photos {
namespace {

using namespace std::chrono_literals;

/// Starts one remote call. This is all that calling a function elsewhere takes.
modal::call_handle<image> start_remote(modal::client& client, const image& picture,
                                       const std::string& function,
                                       const filter_settings& settings) {
  // As a span, the pixels are sent from where they are; a vector would be copied into the call.
  const std::span<const std::uint8_t> pixels(picture.pixels);
  if (function == "denoise") {
    return modal::remote<denoise>.on(client).spawn(picture.size, pixels, settings.strength);
  }
  if (function == "edges") {
    return modal::remote<edges>.on(client).spawn(picture.size, pixels, settings.threshold);
  }
  if (function == "thumbnail") {
    return modal::remote<thumbnail>.on(client).spawn(picture.size, pixels, settings.max_side);
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
    return call.local() == *call.result
               ? ""
               : name_of(call) + ": the remote result differs from the local one";
  } catch (const std::exception& e) {
    return name_of(call) + ": the local call failed: " + e.what();
  }
}

}  // namespace

std::vector<photo_call> start_calls(modal::client& client, const std::vector<photo>& photos,
                                    const std::vector<std::string>& functions,
                                    const filter_settings& settings) {
  std::vector<photo_call> calls;
  for (const std::string& function : functions) {
    for (const photo& source : photos) {
      const image& picture = source.picture;
      calls.push_back({.photo = source.name,
                       .function = function,
                       .remote = start_remote(client, picture, function, settings),
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
      auto answer = call->remote.try_get();
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
