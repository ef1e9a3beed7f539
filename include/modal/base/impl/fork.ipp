// SPDX-License-Identifier: Apache-2.0
#include <modal/base/fork.hpp>

#include <atomic>
#include <pthread.h>

namespace modal::detail {

unsigned fork_count() {
  static std::atomic<unsigned> count{0};
  static const int registered =
      ::pthread_atfork(nullptr, nullptr, [] { count.fetch_add(1, std::memory_order_relaxed); });
  (void)registered;
  return count.load(std::memory_order_relaxed);
}

}  // namespace modal::detail
