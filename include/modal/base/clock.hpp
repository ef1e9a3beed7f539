// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

namespace modal {

/// Points in time of deadlines and measurements: monotonic, in this process only.
using time_point = std::chrono::steady_clock::time_point;
using duration = std::chrono::nanoseconds;

/// The time when nothing is due.
inline constexpr time_point never = time_point::max();

/// Where time comes from. Passed in, so that tests can hold it in their hands. `now` is safe to
/// call concurrently.
class clock {
 public:
  virtual ~clock() = default;
  [[nodiscard]] virtual time_point now() const noexcept = 0;
};

/// The clock of the machine, `std::chrono::steady_clock`.
class steady_clock final : public clock {
 public:
  [[nodiscard]] time_point now() const noexcept override {
    return std::chrono::steady_clock::now();
  }
};

/// Returns the one steady clock; it has no state.
const clock& real_clock() noexcept;

/// Returns `length` in nanoseconds, or the longest duration where those overflow: the longest of a
/// coarser unit, which users write for "without a limit", is 292 million years.
template <class Rep, class Period>
requires std::ratio_greater_equal_v<Period, duration::period>
constexpr duration saturated(std::chrono::duration<Rep, Period> length) noexcept {
  using unit = std::chrono::duration<Rep, Period>;
  if (length >= std::chrono::duration_cast<unit>(duration::max())) return duration::max();
  if (length <= std::chrono::duration_cast<unit>(duration::min())) return duration::min();
  return std::chrono::duration_cast<duration>(length);
}

/// Returns `now + length`, or `never` where that would overflow.
/// **Precondition**: `now` is not before the clock's epoch.
template <class Rep, class Period>
constexpr time_point saturating_add(time_point now,
                                    std::chrono::duration<Rep, Period> length) noexcept {
  const duration exact = saturated(length);
  return exact >= never - now ? never : now + exact;
}

}  // namespace modal
