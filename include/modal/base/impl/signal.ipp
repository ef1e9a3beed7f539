// SPDX-License-Identifier: Apache-2.0
#include <modal/base/signal.hpp>

#include <algorithm>
#include <climits>
#include <ctime>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace modal::detail {
namespace {

// What is waited for is most often about to happen, on a thread that may want this very core.
constexpr int most_yields = 8;

}  // namespace

void signal_once::set() noexcept {
  auto* const address = &state_;
  if (state_.exchange(state::set, std::memory_order_acq_rel) == state::awaited)
    ::syscall(SYS_futex, address, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

bool signal_once::wait_until(time_point until) const noexcept {
  for (int i = 0; i < most_yields; ++i) {
    if (is_set()) return true;
    ::sched_yield();
  }
  for (;;) {
    auto found = state::unset;
    state_.compare_exchange_strong(found, state::awaited, std::memory_order_acq_rel,
                                   std::memory_order_acquire);
    if (found == state::set) return true;
    // An absolute time of the monotonic clock, which is what steady_clock reads.
    const auto since_boot = std::max(until.time_since_epoch(), time_point::duration{0});
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since_boot);
    timespec end{};
    end.tv_sec = seconds.count();
    end.tv_nsec = std::chrono::nanoseconds(since_boot - seconds).count();
    ::syscall(SYS_futex, &state_, FUTEX_WAIT_BITSET_PRIVATE,
              static_cast<std::uint32_t>(state::awaited), until == never ? nullptr : &end, nullptr,
              FUTEX_BITSET_MATCH_ANY);
    if (is_set()) return true;
    if (until != never && std::chrono::steady_clock::now() >= until) return false;
  }
}

}  // namespace modal::detail
