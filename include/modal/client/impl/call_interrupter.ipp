// SPDX-License-Identifier: Apache-2.0
#include <modal/client/call_interrupter.hpp>
#include <modal/function/context.hpp>

#include <thread>

namespace modal::detail {

call_interrupter::call_interrupter(attempt& whom) : whom_(whom) {
  const std::stop_token stop = this_call().stop_token();
  if (!stop.stop_possible()) return;
  whom_.allow_interrupts();
  callback_.emplace(stop, request{this});
}

void call_interrupter::wait(time_point until) {
  if (!callback_) return whom_.wait(until);
  struct waiting {
    explicit waiting(call_interrupter& of) : self(of) {
      const mutex_lock lock(self.mutex_);
      self.is_waiting_ = true;
    }
    ~waiting() {
      const mutex_lock lock(self.mutex_);
      self.is_waiting_ = false;
    }
    call_interrupter& self;
  };
  const waiting mark(*this);
  if (!is_requested()) whom_.wait(until);
}

void call_interrupter::rest_until(time_point until) {
  if (!callback_) return std::this_thread::sleep_until(until);
  mutex_lock lock(mutex_);
  while (!is_requested() && asked_.wait_until(lock, until)) {
  }
}

// What the attempt waits for stays while it is marked.
void call_interrupter::interrupt() noexcept {
  const mutex_lock lock(mutex_);
  is_requested_.store(true, std::memory_order_release);
  asked_.notify_one();
  if (is_waiting_) whom_.interrupt();
}

}  // namespace modal::detail
