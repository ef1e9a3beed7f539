// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/clock.hpp>
#include <modal/base/mutex.hpp>
#include <modal/client/attempt.hpp>

#include <atomic>
#include <optional>
#include <stop_token>

namespace modal::detail {

/// What lets a blocking call end when the function that makes it is asked to stop. Does the waiting
/// of the call, on the thread that makes it. Outside of served functions it costs nothing.
class call_interrupter {
 public:
  /// @param whom the attempt that is waited for; it lives longer. Throws `std::bad_alloc`.
  explicit call_interrupter(attempt& whom);
  call_interrupter(const call_interrupter&) = delete;
  call_interrupter& operator=(const call_interrupter&) = delete;

  /// Returns whether the function is asked to stop.
  [[nodiscard]] bool is_requested() const noexcept {
    return is_requested_.load(std::memory_order_acquire);
  }
  /// Waits as the attempt does, or until that.
  void wait(time_point until);
  /// Waits until then, or until that.
  void rest_until(time_point until);

 private:
  void interrupt() noexcept;

  struct request {
    call_interrupter* of;
    void operator()() const noexcept { of->interrupt(); }
  };

  attempt& whom_;
  detail::mutex mutex_;
  condition_variable asked_;
  std::atomic<bool> is_requested_{false};
  bool is_waiting_ MODAL_GUARDED_BY(mutex_) = false;
  std::optional<std::stop_callback<request>> callback_;  // ends first
};

}  // namespace modal::detail
