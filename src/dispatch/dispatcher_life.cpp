// SPDX-License-Identifier: Apache-2.0
// How a dispatcher starts, stops and tells of itself.
#include "dispatch/dispatcher_core.hpp"

namespace modal::detail {
namespace {

/// To end calls whose device was given up.
constexpr std::chrono::seconds time_for_lost_calls{5};

}  // namespace

void dispatcher_core::start() {
  // A function that ignores its stop token outlives the dispatcher, so its thread owns this.
  workers.start(config.threads, "modal-worker", [core = shared_from_this()] { core->work(); });
  if (config.keeper == housekeeping::own_thread)
    housekeeper = std::thread([core = shared_from_this()] { core->keep_house(); });
  const mutex_lock lock(mutex);
  started = true;
}

void dispatcher_core::drain() {
  const mutex_lock lock(mutex);
  draining = true;
}

void dispatcher_core::hurry() {
  const mutex_lock lock(mutex);
  hurried = true;
  quiet.notify_all();
}

std::size_t dispatcher_core::stop(std::chrono::nanoseconds grace,
                                  std::chrono::nanoseconds patience) {
  const auto until = saturating_add(std::chrono::steady_clock::now(), grace);
  {
    mutex_lock lock(mutex);
    draining = true;
    is_awaited.store(true);
    while (undelivered.load() != 0 && !hurried && quiet.wait_until(lock, until)) {
    }
  }
  stop_remaining();
  const auto patient_until = saturating_add(std::chrono::steady_clock::now(), patience);
  std::size_t left_behind = workers.join_for(patience, [this] { return busy.load(); });
  {
    // Devices may still read and write the memory of calls that were answered long ago.
    mutex_lock lock(mutex);
    while (suspended != 0 && quiet.wait_until(lock, patient_until)) {
    }
  }
  // A device that is still busy hangs, or will be for longer than anybody wants to wait: its calls
  // end, and what it may still use is kept.
  for (const auto& each : config.devices)
    if (!each->wait_passed(patient_until))
      each->which().give_up("it was still busy when the executor had stopped");
  for (const auto& each : config.devices)
    each->wait_passed(saturating_add(real_clock().now(), time_for_lost_calls));
  {
    const mutex_lock lock(mutex);
    left_behind += suspended;
  }
  // All functions have returned, or never will: so have their stop callbacks.
  repeatable_calls::kept_list dropped;  // destroyed without the lock
  {
    const mutex_lock lock(mutex);
    repeats.drop_all();
    dropped = repeats.take_dropped();
    finished = true;
    house_call.notify_all();
  }
  if (housekeeper.joinable()) housekeeper.join();
  return left_behind;
}

bool dispatcher_core::is_draining() const {
  const mutex_lock lock(mutex);
  return draining;
}

dispatcher_snapshot dispatcher_core::snapshot() const {
  dispatcher_snapshot now;
  now.functions.reserve(served.size());
  for (const auto& each : config.devices)
    now.devices.push_back({each->which().info(), each->which().memory(), 0, 0, false});
  const mutex_lock lock(mutex);
  for (std::size_t i = 0; i < now.devices.size(); ++i) {
    now.devices[i].calls = places[i].calls;
    now.devices[i].reserved = places[i].reserved;
    now.devices[i].has_failed = places[i].has_failed || config.devices[i]->which().has_failed();
  }
  for (const auto& [name, each] : served)
    now.functions.push_back(
        {each.descriptor, each.waiting, each.line.running(), each.metrics, each.obstacle});
  now.unknown_functions = unknown_functions;
  now.admitted = admitted;
  now.refused = refused;
  now.succeeded = succeeded;
  now.failed = failed;
  now.waiting = waiting;
  now.running = running + parked_calls;
  now.bytes_in_flight = memory.used();
  now.draining = draining;
  return now;
}

void dispatcher_core::look_at_devices(dispatcher_snapshot& now) const {
  for (std::size_t i = 0; i < now.devices.size(); ++i)
    now.devices[i].health = config.devices[i]->health();
}

}  // namespace modal::detail
