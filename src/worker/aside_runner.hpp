// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <stop_token>
#include <vector>

namespace modal::detail {

/// Runs users' code that may block on threads of its own: the callbacks of a stop, and the ends of
/// results. A thread that keeps deadlines, or serves connections, must not wait for them. One that
/// blocks holds one thread; there are more, up to a bound. Safe to share.
class aside_runner {
 public:
  aside_runner();
  /// Leaves threads behind whose code does not return.
  ~aside_runner();
  aside_runner(const aside_runner&) = delete;
  aside_runner& operator=(const aside_runner&) = delete;

  /// Requests the stop soon. Where neither a thread nor memory is to be had, here and now.
  void request(std::stop_source which);

  /// Lets go of `last` soon; else as `request`.
  void end(std::vector<std::shared_ptr<const void>> last) noexcept;

  /// Waits until all is done, for at most `patience`. Returns whether it is.
  bool wait_idle(std::chrono::nanoseconds patience);

 private:
  struct task;
  struct shared;
  static void run(const std::shared_ptr<shared>& own);
  bool hand_over(task& what) noexcept;

  const std::shared_ptr<shared> shared_;  // owners: this and every thread
};

}  // namespace modal::detail
