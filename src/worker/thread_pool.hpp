// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace modal::detail {

/// Threads that all run one loop. The loop ends them by returning; one that does not return in time
/// is left behind, because C++ cannot end a thread from outside. One thread at a time, but for
/// `grow`.
class thread_pool {
 public:
  thread_pool();
  /// **Precondition**: joined, or never started.
  ~thread_pool();
  thread_pool(const thread_pool&) = delete;
  thread_pool& operator=(const thread_pool&) = delete;

  /// Starts `count` threads named `name` (at most 15 characters). `loop` must own all that it
  /// touches, for it may outlive this object. Throws `std::system_error`; then no thread is left
  /// without an owner, and the caller ends the loop and joins as usual.
  void start(std::size_t count, const char* name, std::function<void()> loop);

  /// Starts one thread more. From any thread. Returns false where the system gives none, and
  /// after `join_for`.
  /// **Precondition**: started.
  bool grow() noexcept;

  /// Joins the threads. After `patience`, those that are `busy` are no longer waited for: they are
  /// detached. The loop is forgotten.
  /// @param busy returns how many of the threads may not come back soon, and never more than
  /// before; called with a lock held. @return how many were detached.
  std::size_t join_for(std::chrono::nanoseconds patience, const std::function<std::size_t()>& busy);

  [[nodiscard]] std::size_t size() const;

 private:
  struct shared;
  void add();

  std::shared_ptr<shared> shared_;  // owners: this object and every thread
  std::string name_;
  std::function<void()> loop_;
};

}  // namespace modal::detail
