// SPDX-License-Identifier: Apache-2.0
#pragma once

/// @file
/// Where a function that waits for a call of its own lets its worker's place go, without client and
/// executor knowing each other.

namespace modal::detail {

/// The place of a thread that runs functions for an executor.
class worker_seat {
 public:
  virtual ~worker_seat() = default;
  /// The function on this thread only waits from now on: another call may run in its place.
  virtual void leave() noexcept = 0;
  /// It goes on.
  virtual void come_back() noexcept = 0;
};

/// Returns this thread's seat; null on threads that run no functions.
worker_seat* this_seat() noexcept;

/// Makes `seat` this thread's, while it lives.
class seat_scope {
 public:
  explicit seat_scope(worker_seat& seat) noexcept;
  ~seat_scope();
  seat_scope(const seat_scope&) = delete;
  seat_scope& operator=(const seat_scope&) = delete;

 private:
  worker_seat* const previous_;
};

/// Leaves this thread's seat, if it has one, while it lives.
class away_from_seat {
 public:
  away_from_seat() noexcept : seat_(this_seat()) {
    if (seat_ != nullptr) seat_->leave();
  }
  ~away_from_seat() {
    if (seat_ != nullptr) seat_->come_back();
  }
  away_from_seat(const away_from_seat&) = delete;
  away_from_seat& operator=(const away_from_seat&) = delete;

 private:
  worker_seat* const seat_;
};

}  // namespace modal::detail
