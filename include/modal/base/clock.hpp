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
const clock& system_clock() noexcept;

/// Returns `now + length`, or `never` where that would overflow.
constexpr time_point saturating_add(time_point now, duration length) noexcept {
  if (length >= never - now) return never;
  return now + std::chrono::duration_cast<time_point::duration>(length);
}

}  // namespace modal
