// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace modal::detail {

/// Lets one thread sleep until another wakes it: one system call each. A condition variable costs
/// the woken thread a third, because glibc gives it the mutex marked as contended.
class parker {
 public:
  /// Returns when `unpark` was called, also when that was before.
  void park() noexcept {
    while (token_.exchange(0, std::memory_order_acquire) == 0)
      ::syscall(SYS_futex, address(), FUTEX_WAIT_PRIVATE, 0, nullptr, nullptr, 0);
  }

  /// Wakes the thread that parks, or lets its next `park` pass. Several calls count as one.
  void unpark() noexcept {
    if (token_.exchange(1, std::memory_order_release) == 0)
      ::syscall(SYS_futex, address(), FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  }

 private:
  std::uint32_t* address() noexcept { return reinterpret_cast<std::uint32_t*>(&token_); }

  std::atomic<std::uint32_t> token_{0};
  static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t));
};

}  // namespace modal::detail
