// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/modal.hpp>

#include "filters.hpp"
#include "progress_bar.hpp"

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

/// One filter of one photo, on its way to the executor and back.
struct photo_call {
  std::string photo;
  std::string function;
  modal::call_handle<image> remote;
  std::function<image()> local;  ///< the same work in this process
  std::optional<image> result;   ///< empty until it arrived, and where the call failed
};

/// Starts each of the named functions ("thumbnail", "edges", "denoise") on each photo; returns at
/// once. **Lifetime**: the photos and the client must outlive the calls.
std::vector<photo_call> start_calls(modal::client& client, const std::vector<photo>& photos,
                                    const std::vector<std::string>& functions,
                                    const filter_settings& settings);

/// Waits until all calls are over and keeps their results. Returns one line for each different
/// error.
std::vector<std::string> collect_results(std::vector<photo_call>& calls, progress_bar& bar);

/// Makes the same calls locally, on all cores, and returns a line for each result that differs in
/// any bit from the one that arrived.
std::vector<std::string> compare_with_local_calls(const std::vector<photo_call>& calls,
                                                  progress_bar& bar);

}  // namespace photos
