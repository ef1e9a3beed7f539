// SPDX-License-Identifier: Apache-2.0
// What is said of calls.
#include "dispatch/dispatcher_core.hpp"

namespace modal::detail {

void dispatcher_core::log_slow(const call& which,
                               std::chrono::nanoseconds run_time) const noexcept {
  if (!config.log) return;
  try {
    config.log({.level = log_level::warning,
                .time = std::chrono::system_clock::now(),
                .message = "a function with run_on::io took longer than a millisecond, in which "
                           "nothing else was read on its thread",
                .function = which.target->descriptor->name,
                .call = which.head.id,
                .fields = {{"run_us", std::to_string(run_time.count() / 1000)}}});
  } catch (...) {
  }
}

// After the answer: the sink of the log is the user's, and may take its time. What it throws, or a
// record that there is no memory for, is not worth a worker.
void dispatcher_core::log_end(const call& which, const std::optional<error>& failure,
                              std::chrono::nanoseconds run_time) const noexcept {
  if (!config.log_calls || !config.log) return;
  try {
    config.log({.level = log_level::debug,
                .time = std::chrono::system_clock::now(),
                .message = failure ? to_string(failure->value()) : "done",
                .function = which.target->descriptor->name,
                .call = which.head.id,
                .fields = {{"run_us", std::to_string(run_time.count() / 1000)},
                           {"attempt", std::to_string(which.attempt)},
                           {"caller", which.caller ? which.caller->name : std::string("anyone")}}});
  } catch (...) {
  }
}

}  // namespace modal::detail
