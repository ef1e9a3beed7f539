// SPDX-License-Identifier: Apache-2.0
// Which call has which device, and which devices are lost.
#include "dispatch/dispatcher_core.hpp"

namespace modal::detail {

// There is one that has room, or its lane would be blocked.
void dispatcher_core::take_device_locked(call& which) {
  which.device = place(which.target->need, places).value();
  places[which.device].reserved += which.target->need.memory;
  book_device_locked(which, 1);
}

void dispatcher_core::leave_device_locked(call& which) noexcept {
  places[which.device].reserved -= which.target->need.memory;
  book_device_locked(which, ~std::size_t{0});
}

void dispatcher_core::book_device_locked(call& which, std::size_t by) noexcept {
  places[which.device].calls += by;
  find_blocked_locked();
}

// Returns whether its device is lost, and nobody knew yet: other devices serve what they can.
bool dispatcher_core::notice_fault_locked(call& which) noexcept {
  device_place& there = places[which.device];
  if (there.has_failed || !config.devices[which.device]->which().has_failed()) return false;
  there.has_failed = true;
  return true;
}

void dispatcher_core::find_blocked_locked() noexcept {
  for (served_function* each : device_functions)
    plan.set_blocked(each->line, !place(each->need, places));
}

void dispatcher_core::log_fault(std::size_t device) const noexcept {
  if (!config.log) return;
  try {
    config.log({.level = log_level::error,
                .time = std::chrono::system_clock::now(),
                .message = device_names[device] +
                           " has failed, and with it what needs it, until this process is started "
                           "anew",
                .function = {},
                .call = {},
                .fields = {}});
  } catch (...) {
  }
}

}  // namespace modal::detail
