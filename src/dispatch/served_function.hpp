// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/function/descriptor.hpp>

#include "dispatch/dispatcher.hpp"
#include "dispatch/metrics.hpp"
#include "schedule/placement.hpp"
#include "schedule/schedule.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace modal::detail {

/// A function and its books.
struct served_function {
  served_function(const function_descriptor& served, const dispatcher_config& config,
                  std::size_t functions, std::span<const device_place> places);

  [[nodiscard]] bool uses_device() const noexcept { return descriptor->device != device_use::none; }

  const function_descriptor* descriptor;
  const function_signature* signature;
  std::size_t max_queue;
  device_need need;                       ///< of those that use a device
  std::string obstacle;                   ///< why no device can ever serve it
  std::size_t most_arguments = SIZE_MAX;  ///< bytes that a device has room for
  std::size_t servers;  ///< how many calls of it may be served at a time, if no others come

  // Guarded by the core's mutex.
  lane line;
  bool is_blocked = false;  ///< no device has room for one more call
  std::size_t waiting = 0;  ///< tickets, queued calls, and calls that wait to be repeated
  function_metrics metrics;
  time_point warned_at{};  ///< when it was last said that it is slow, of `run_on::io`
};

/// Returns what is known of the devices of `config`, which outlives it, before any call has come.
std::vector<device_place> find_places(const dispatcher_config& config);

}  // namespace modal::detail
