// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/clock.hpp>

#include <atomic>
#include <cstdint>

namespace modal::detail {

/// Something that happens once, and that any number of threads may wait for. Setting it costs no
/// system call where nobody waits, and waiting none where it is set: a futex (futex(2)) without the
/// mutex that a condition variable has beside it. Safe to share.
class signal_once {
 public:
  /// What happened before this has happened before a wait returns. Once. Nothing of this object is
  /// touched after its waiters may return, save its address.
  void set() noexcept;
  [[nodiscard]] bool is_set() const noexcept {
    return state_.load(std::memory_order_acquire) == state::set;
  }
  void wait() const noexcept { (void)wait_until(never); }
  /// Returns whether it is set.
  bool wait_until(time_point until) const noexcept;

 private:
  enum class state : std::uint32_t { unset, awaited, set };

  mutable std::atomic<state> state_{state::unset};
};

}  // namespace modal::detail
