// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace modal {

/// How threads of the library wait for what a peer sends next. To put a thread to sleep and to wake
/// it costs more than a small call: on two CPUs, most of its time.
enum class polling : std::uint8_t {
  /// They sleep at once.
  off,
  /// After something has come, one of them looks for more for at most 50 µs before it sleeps. It
  /// gives its CPU to whoever wants it after each look, and where somebody did, nobody polls for a
  /// while; it stops where looking does not pay. Never are there more such threads in the process
  /// than CPUs it may use (its affinity, and the quota of its control group).
  guarded,
};

}  // namespace modal
