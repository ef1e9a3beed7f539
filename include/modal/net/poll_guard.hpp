// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/clock.hpp>
#include <modal/base/polling.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <sched.h>
#include <string_view>

namespace modal::detail {

/// Returns how many CPUs a control group's `quota_and_period` ("50000 100000", in microseconds, as
/// in cpu.max of cgroup v2) is worth; nothing where that is "max …", or says no such thing.
std::optional<double> quota_of(std::string_view quota_and_period) noexcept;

/// Returns how many CPUs this process may keep busy: by its affinity and by the quotas of its
/// control group and of those around it. Zero where that is less than one.
std::size_t allowed_cpus() noexcept;

/// What those share that poll in a process: as many places as it has CPUs, and a common break when
/// somebody else wanted them. Safe to share.
class poll_places {
 public:
  explicit poll_places(std::size_t most) noexcept : most_(most) {}

  /// Those of this process.
  static poll_places& of_process() noexcept;

  /// Takes a place, unless there is none, or a break. @return whether `leave` must follow.
  bool enter(time_point now) noexcept;
  void leave() noexcept { taken_.fetch_sub(1, std::memory_order_relaxed); }
  /// Nobody has one: in a child, where there are no threads of the parent.
  void clear() noexcept { taken_.store(0, std::memory_order_relaxed); }

  /// Somebody else had the CPU for long. Nobody polls for a while: 50 ms, and twice as long each
  /// time that it happens again soon.
  void pause(time_point now) noexcept;
  [[nodiscard]] bool is_paused(time_point now) const noexcept {
    return now.time_since_epoch().count() < resumes_at_.load(std::memory_order_relaxed);
  }

 private:
  const std::size_t most_;
  std::atomic<std::size_t> taken_{0};
  std::atomic<time_point::rep> resumes_at_{time_point::min().time_since_epoch().count()};
  std::atomic<duration::rep> last_pause_{0};
};

/// Whether a thread should look again before it sleeps. One for what threads wait for one at a
/// time; without a clock. See `poll`.
class poll_guard {
 public:
  explicit poll_guard(polling how, poll_places& places = poll_places::of_process()) noexcept
      : places_(places), is_on_(how != polling::off) {}

  [[nodiscard]] bool is_on() const noexcept { return is_on_; }

  /// Returns whether to poll from `now` on; `end` must follow then.
  bool begin(time_point now) noexcept;
  /// It has looked in vain, and gives the CPU away.
  void note_look(time_point now) noexcept { yielded_at_ = now; }
  /// It has done so. Returns whether to look again.
  bool goes_on(time_point now) noexcept;
  /// @param has_found what it looked for.
  void end(bool has_found, time_point now) noexcept;

  /// Returns whether to give the CPU away before the first look: whoever is waited for may want
  /// this very one. `note_yield` must follow then. Whether it polls or not.
  bool may_yield(time_point now) noexcept;
  /// That took from `before` to `now`. Where it takes long, somebody else has the CPU each time,
  /// and it is done less and less.
  void note_yield(time_point before, time_point now) noexcept;

  static constexpr std::chrono::microseconds shortest{20};
  static constexpr std::chrono::microseconds longest{50};
  static constexpr std::chrono::microseconds longest_yield{500};
  static constexpr std::chrono::microseconds long_yield{100};

 private:
  poll_places& places_;
  const bool is_on_;
  time_point began_at_;
  time_point yielded_at_;
  duration limit_ = longest;  ///< twice as long as it took last time
  unsigned misses_ = 0;       ///< in a row
  unsigned skips_ = 0;        ///< how often more it is not worth while
  unsigned held_yields_ = 0;  ///< how many are left out, after the last long one
  unsigned yield_skips_ = 0;  ///< how many of those are left
};

/// Gives the CPU away, unless that takes long.
inline void yield_before_wait(poll_guard& guard) {
  using std::chrono::steady_clock;
  const auto before = steady_clock::now();
  if (!guard.may_yield(before)) return;
  ::sched_yield();
  guard.note_yield(before, steady_clock::now());
}

/// Calls `look` until it returns true or `guard` says that it is enough; at least once. Returns
/// what it returned last.
template <class Look>
bool poll(poll_guard& guard, Look look) {
  using std::chrono::steady_clock;
  if (!guard.is_on() || !guard.begin(steady_clock::now())) return look();
  struct turn {
    ~turn() { guard.end(has_found, now); }
    poll_guard& guard;
    bool has_found = false;
    time_point now{};
  } mine{guard};
  do {
    mine.has_found = look();
    if (!mine.has_found) {
      guard.note_look(steady_clock::now());
      ::sched_yield();
    }
    mine.now = steady_clock::now();
  } while (!mine.has_found && guard.goes_on(mine.now));
  return mine.has_found;
}

}  // namespace modal::detail
