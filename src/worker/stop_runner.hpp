// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <stop_token>

namespace modal::detail {

/// Requests stops on threads of its own, because the callbacks that a stop runs are users' code and
/// may block: a thread that keeps deadlines, or serves connections, must not wait for them. A
/// callback that blocks holds one thread; there are more, up to a bound. Safe to share.
class stop_runner {
 public:
  stop_runner();
  /// Leaves threads behind whose callbacks do not return.
  ~stop_runner();
  stop_runner(const stop_runner&) = delete;
  stop_runner& operator=(const stop_runner&) = delete;

  /// Requests the stop soon. Where neither a thread nor memory is to be had, here and now.
  void request(std::stop_source which);

  /// Waits until all requests are done, for at most `patience`. Returns whether they are.
  bool wait_idle(std::chrono::nanoseconds patience);

 private:
  struct shared;
  static void run(const std::shared_ptr<shared>& own);

  const std::shared_ptr<shared> shared_;  // owners: this and every thread
};

}  // namespace modal::detail
