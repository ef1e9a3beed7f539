// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/clock.hpp>
#include <modal/base/limits.hpp>

#include <cstddef>

namespace modal::detail {

/// Tells a peer that moves bytes too slowly: it holds memory, and pays for it with a minimum rate,
/// averaged over windows of time. Time in which it is kept waiting does not count. A value, without
/// a clock.
class rate_guard {
 public:
  explicit rate_guard(const limits& bounds) noexcept
      : window_(saturated(bounds.rate_window)), least_(bytes_of(bounds.minimum_rate, window_)) {}

  void begin(time_point now) noexcept {
    moved_ = 0;
    end_ = saturating_add(now, window_);
    paused_at_ = never;
  }
  void stop() noexcept { end_ = never; }
  void pause(time_point now) noexcept {
    if (paused_at_ == never) paused_at_ = now;
  }
  void resume(time_point now) noexcept {
    if (paused_at_ != never && end_ != never) end_ = saturating_add(end_, now - paused_at_);
    paused_at_ = never;
  }
  void add(std::size_t size) noexcept { moved_ += size; }

  /// Returns when to ask again.
  [[nodiscard]] time_point due() const noexcept { return paused_at_ == never ? end_ : never; }

  /// Returns whether the window that has ended saw too little; else begins the next one.
  bool is_too_slow(time_point now) noexcept {
    if (now < due()) return false;
    if (moved_ < least_) return true;
    begin(now);
    return false;
  }

 private:
  static std::size_t bytes_of(std::size_t rate, duration time) noexcept {
    const double bytes = static_cast<double>(rate) * std::chrono::duration<double>(time).count();
    constexpr std::size_t most = std::size_t{1} << 62;  // a double beyond that fits into no integer
    return bytes < static_cast<double>(most) ? static_cast<std::size_t>(bytes) : most;
  }

  duration window_;
  std::size_t least_;
  std::size_t moved_ = 0;
  time_point end_ = never;
  time_point paused_at_ = never;
};

}  // namespace modal::detail
