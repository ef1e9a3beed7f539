// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/error.hpp>
#include <modal/wire/http_call.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

namespace modal::detail {

/// Counts durations in buckets, as Prometheus wants them. Not synchronised.
struct duration_histogram {
  /// Upper bounds in nanoseconds; one more bucket holds the rest.
  static constexpr std::array<std::int64_t, 8> bounds{10'000,         100'000,       1'000'000,
                                                      10'000'000,     100'000'000,   1'000'000'000,
                                                      10'000'000'000, 60'000'000'000};
  std::array<std::uint64_t, bounds.size() + 1> buckets{};
  std::int64_t sum_ns = 0;

  void add(std::chrono::nanoseconds value) noexcept {
    std::size_t i = 0;
    while (i < bounds.size() && value.count() > bounds[i]) ++i;
    ++buckets[i];
    sum_ns += value.count();
  }
};

/// What happened to the calls of one function. Not synchronised.
struct function_metrics {
  static constexpr std::size_t outcomes = 80;
  /// By the number of `errc`; 0 is success.
  std::array<std::uint64_t, outcomes> calls{};
  std::uint64_t retried = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  duration_histogram queue;
  duration_histogram run;
  // On devices.
  std::uint64_t bytes_up = 0;
  std::uint64_t bytes_down = 0;
  std::size_t memory_peak = 0;  ///< the most that one call had
  std::uint64_t pageable = 0;   ///< calls for which no page-locked memory was left
  duration_histogram device_run;

  void add(const device_report& of) noexcept {
    bytes_up += of.bytes_up;
    bytes_down += of.bytes_down;
    memory_peak = std::max(memory_peak, of.memory_peak);
    if (of.path == transfer_path::pageable) ++pageable;
    device_run.add(of.run);
  }
  void count(errc outcome) noexcept {
    const auto index = static_cast<std::size_t>(outcome);
    if (index < outcomes) ++calls[index];
  }
  void count_success() noexcept { ++calls[0]; }
};

}  // namespace modal::detail
