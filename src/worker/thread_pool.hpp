// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

namespace modal::detail {

/// A fixed number of threads that all run one loop. The loop ends them by returning; one that does
/// not return in time is left behind, because C++ cannot end a thread from outside.
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
  void start(std::size_t count, const char* name, const std::function<void()>& loop);

  /// Joins every thread that returns within `patience`, and detaches the rest.
  /// @return how many were detached.
  std::size_t join_for(std::chrono::nanoseconds patience);

  [[nodiscard]] std::size_t size() const noexcept { return threads_.size(); }

 private:
  struct ended;
  std::shared_ptr<ended> ended_;  // owners: this object and every thread
  std::vector<std::thread> threads_;
};

}  // namespace modal::detail
