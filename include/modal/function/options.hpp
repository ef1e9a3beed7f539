// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>

namespace modal {

/// What `MODAL_FUNCTION(f, …)` says about a function. Plain values, named by designated
/// initialisers; the defaults suit most functions.
struct function_options {
  /// The longest one call may take, from its admission to its result, waiting included.
  /// Default and zero: `limits::call_timeout`. The caller's own deadline counts if it is shorter.
  std::chrono::milliseconds timeout{0};
  /// How often a failed run is tried again, in the executor, before the caller hears of it. Only
  /// for `function_failed`. Default 0.
  int retries = 0;
  /// The wait before a retry is drawn from [0, retry_delay × 2^n), and never above one minute.
  std::chrono::milliseconds retry_delay{100};
  /// How many calls may wait for a worker. Default and zero: `limits::queue_length`.
  std::size_t max_queue = 0;
  /// How many calls may run at a time. Default and zero: as many as there are workers, or one less
  /// where the executor serves several functions, so that one of them cannot hold all workers.
  std::size_t max_concurrent = 0;
  /// What the function does, for `/v1/functions` and `/openapi.json`. A string literal.
  const char* description = "";

  friend bool operator==(const function_options&, const function_options&) = default;
};

namespace detail {

constexpr bool timeout_is_valid(const function_options& o) { return o.timeout.count() >= 0; }
constexpr bool retries_are_valid(const function_options& o) {
  return o.retries >= 0 && o.retries <= 100;
}
constexpr bool retry_delay_is_valid(const function_options& o) {
  return o.retry_delay.count() >= 0 && o.retry_delay <= std::chrono::minutes{1};
}
constexpr bool description_is_valid(const function_options& o) { return o.description != nullptr; }

constexpr bool options_are_valid(const function_options& o) {
  return timeout_is_valid(o) && retries_are_valid(o) && retry_delay_is_valid(o) &&
         description_is_valid(o);
}

}  // namespace detail
}  // namespace modal
