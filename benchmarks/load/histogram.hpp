// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace bench {

/// How often each time was measured, to three significant digits, in memory that does not grow with
/// the number of measurements. As Gil Tene's HdrHistogram: the values of each power of two share
/// 1024 places. 240 KiB. One thread at a time.
class histogram {
 public:
  histogram() : counts_(places) {}

  /// Counts `time`; less than nothing as 0, more than `longest()` as that.
  void record(std::chrono::nanoseconds time) noexcept;
  void add(const histogram& other) noexcept;
  void clear() noexcept;

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  /// Returns the longest time that was counted; 0 where there is none.
  [[nodiscard]] std::chrono::nanoseconds most() const noexcept { return most_; }
  [[nodiscard]] std::chrono::nanoseconds mean() const noexcept;
  /// Returns a time that `share` (0 to 1) of all do not exceed, at most 0.1 % more than the
  /// shortest such one; 0 where there is none.
  [[nodiscard]] std::chrono::nanoseconds percentile(double share) const noexcept;

  /// 36 minutes.
  static constexpr std::chrono::nanoseconds longest() noexcept {
    return std::chrono::nanoseconds{(std::int64_t{1} << value_bits) - 1};
  }

 private:
  static constexpr int value_bits = 41;
  static constexpr int digit_bits = 11;  // 2^11 > 10^3
  static constexpr std::size_t places =
      (std::size_t{value_bits - digit_bits} << (digit_bits - 1)) + (std::size_t{1} << digit_bits);

  static std::size_t place_of(std::uint64_t value) noexcept;
  static std::uint64_t last_of(std::size_t place) noexcept;

  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
  double sum_ = 0;
  std::chrono::nanoseconds most_{0};
};

}  // namespace bench
