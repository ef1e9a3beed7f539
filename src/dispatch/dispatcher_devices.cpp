// SPDX-License-Identifier: Apache-2.0
// Which call has which device, and which devices are lost.
#include "dispatch/arriving_segments.hpp"
#include "dispatch/dispatcher_core.hpp"
#include "dispatch/pinned_segments.hpp"
#include "dispatch/pooled_segments.hpp"

#include <algorithm>
#include <utility>

namespace modal::detail {

// What goes to a device comes to memory that is locked for one. Large arguments go on to the device
// at once, if it is known that they go nowhere else, and that nobody needs them twice.
std::unique_ptr<segment_memory> dispatcher_core::make_segment_memory(call& held) {
  const function_descriptor& function = *held.target->descriptor;
  if (!held.target->uses_device() || held.body_size == 0)
    return std::make_unique<pooled_segments>(bodies);
  const bool may_go_on = function.sends_to_device_only && function.options.retries == 0 &&
                         held.body_size >= arriving_segments::least_body;
  const mutex_lock lock(mutex);
  const bool goes_on = may_go_on && place_early_locked(held);
  const std::size_t likely = goes_on ? held.device : guess_place(held.target->need, places).value();
  auto made = std::make_unique<pinned_segments>(config.devices[likely], bodies, held.body_size);
  if (!goes_on) return made;
  return std::make_unique<arriving_segments>(config.devices[likely], std::move(made));
}

bool dispatcher_core::place_early_locked(call& which) {
  const std::size_t bytes = std::max(which.target->need.memory, which.body_size);
  const auto found = place_early(which.target->need, bytes, places);
  if (!found) return false;
  which.device = *found;
  which.device_bytes = bytes;
  which.is_placed = true;
  places[which.device].reserved += bytes;
  places[which.device].arriving += bytes;
  ++places[which.device].coming;
  find_blocked_locked();
  return true;
}

// It begins, or never will.
void dispatcher_core::end_coming_locked(call& which) noexcept {
  which.is_placed = false;
  places[which.device].arriving -= which.device_bytes;
  --places[which.device].coming;
}

void dispatcher_core::unplace_locked(call& which) noexcept {
  if (!which.is_placed) return;
  end_coming_locked(which);
  places[which.device].reserved -= std::exchange(which.device_bytes, 0);
  find_blocked_locked();
}

// Its body is here: where none of it went to the device after all, any other will do.
void dispatcher_core::leave_early_place_locked(call& which) noexcept {
  if (!which.is_placed) return;
  const auto* const arriving = dynamic_cast<arriving_segments*>(which.body.segments());
  if (arriving == nullptr || arriving->stream() == nullptr) unplace_locked(which);
}

// There is one that has room, or its gate would be closed.
void dispatcher_core::take_device_locked(call& which) {
  if (which.is_placed) {
    end_coming_locked(which);
  } else {
    which.device = place(which.target->need, places).value();
    which.device_bytes = which.target->need.memory;
    places[which.device].reserved += which.device_bytes;
  }
  book_device_locked(which, 1);
}

void dispatcher_core::leave_device_locked(call& which) noexcept {
  places[which.device].reserved -= std::exchange(which.device_bytes, 0);
  book_device_locked(which, ~std::size_t{0});
}

void dispatcher_core::book_device_locked(call& which, std::size_t by) noexcept {
  device_place& there = places[which.device];
  there.calls += by;
  there.is_full = there.calls >= there.most_calls;
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
  for (served_function* each : device_functions) {
    each->is_blocked = !place(each->need, places);
    plan.look_again(each->line);
  }
}

void dispatcher_core::log_fault(std::size_t device, const error& why) const noexcept {
  if (!config.log) return;
  try {
    config.log({.level = log_level::error,
                .time = std::chrono::system_clock::now(),
                .message = config.devices[device]->name() +
                           " has failed, and with it what needs it, until this process is started "
                           "anew: " +
                           why.details().message,
                .function = {},
                .call = {},
                .fields = {}});
  } catch (...) {
  }
}

}  // namespace modal::detail
