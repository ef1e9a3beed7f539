// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/modal.hpp>

#include "filters.hpp"
#include "progress_bar.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace photos {

struct photo {
  std::string name;  ///< of its file
  image picture;
};

struct filter_settings {
  float strength = 4;    ///< of denoise
  float threshold = 12;  ///< of edges
  int max_side = 160;    ///< of thumbnail
};

/// Whose filters are called.
enum class place { cpu, device };

/// A call that is under way, whatever it brings.
struct pending {
  std::function<bool(std::chrono::milliseconds)> wait_for;  ///< returns whether it is over
  std::function<modal::result<image>()> take;               ///< of one that is over
  std::function<modal::call_report()> report;
};

/// One filter of one photo, on its way to the executor and back.
struct photo_call {
  std::string photo;
  std::string function;
  place where = place::cpu;
  pending remote;
  std::function<image()> local;  ///< the same work in this process
  std::optional<image> result;   ///< empty until it arrived, and where the call failed
};

/// Returns the device that the executor has for filters, as "cuda:0"; empty where it has none.
/// Throws where the executor cannot be asked.
std::string find_device(modal::client& client);

/// Starts each of the named functions ("thumbnail", "edges", "denoise") on each photo; returns at
/// once. @param where of the last two; thumbnails are the CPU's. **Lifetime**: the photos and the
/// client must outlive the calls.
std::vector<photo_call> start_calls(modal::client& client, const std::vector<photo>& photos,
                                    const std::vector<std::string>& functions,
                                    const filter_settings& settings, place where);

/// Waits until all calls are over and keeps their results. Returns one line for each different
/// error.
std::vector<std::string> collect_results(std::vector<photo_call>& calls, progress_bar& bar);

/// Makes the same calls locally, on all cores, and returns a line for each result that differs from
/// the one that arrived: in any bit, or, of a device's, more than `is_close` allows.
std::vector<std::string> compare_with_local_calls(const std::vector<photo_call>& calls,
                                                  progress_bar& bar);

}  // namespace photos
