// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "histogram.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

/// @file
/// Calls an executor at a fixed rate, or with so many calls under way, and counts their times.

namespace bench {

/// What to do. Exactly one of `rate`, `in_flight` and `threads` is not zero.
struct load_plan {
  std::string url;
  double rate = 0;            ///< calls a second, begun when it is time, whatever became of others
  std::size_t in_flight = 0;  ///< calls under way: the completion of each begins the next
  std::size_t threads = 0;    ///< each of which calls and waits
  std::size_t clients = 1;    ///< with connections of their own, which take turns
  bool session = true;        ///< else each call under way has a connection
  bool local = true;          ///< whether sessions may move to a Unix socket
  bool at_once = false;       ///< the function runs on the thread that reads its calls
  std::size_t payload_bytes = 0;
  std::uint32_t run_us = 0;  ///< how long the function computes
  std::chrono::milliseconds timeout{10'000};
  std::chrono::milliseconds warm_up{1'000};
  std::chrono::milliseconds length{10'000};
  std::chrono::milliseconds interval{1'000};
  std::size_t most_under_way = 100'000;  ///< at a fixed rate; calls beyond are counted as failed
};

/// The times of calls. `total` counts from when a call was to begin, so that at a fixed rate the
/// wait of those that began late shows (no coordinated omission): `late` of it. `transfer` is what
/// remains.
struct load_times {
  histogram total, late, queue, codec, run, transfer;
  std::uint64_t failed = 0;
  std::string failure;  ///< why the first of those did

  void add(const load_times& other);
  void clear();
};

/// An interval, since the end of the warming up.
struct load_interval {
  std::chrono::nanoseconds begin, length;
};
using interval_sink = std::function<void(const load_interval&, const load_times&)>;

/// Runs `plan`; `tell` gets the times of each interval as it ends. @return those of all intervals.
/// **Errors**: throws what `modal::client` throws; failed calls are counted.
load_times run_load(const load_plan& plan, const interval_sink& tell);

}  // namespace bench
