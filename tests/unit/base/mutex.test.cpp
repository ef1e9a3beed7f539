// SPDX-License-Identifier: Apache-2.0
#include <modal/base/mutex.hpp>

#include "support/catch.hpp"

#include <thread>
#include <vector>

using namespace std::chrono_literals;
using namespace modal::detail;

namespace {
struct counter {
  modal::detail::mutex mutex;
  modal::detail::condition_variable changed;
  int value MODAL_GUARDED_BY(mutex) = 0;
};
}  // namespace

TEST_CASE("mutex: one thread at a time", "[base][mutex]") {
  counter c;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 1000; ++n) {
        mutex_lock lock(c.mutex);
        ++c.value;
        lock.unlock();
        lock.lock();
        ++c.value;
      }
    });
  for (auto& each : threads) each.join();
  const mutex_lock lock(c.mutex);
  CHECK(c.value == 8000);
}

TEST_CASE("condition variable: wakes, or tells that the time has come", "[base][mutex]") {
  counter c;
  mutex_lock lock(c.mutex);
  CHECK_FALSE(c.changed.wait_until(lock, std::chrono::steady_clock::now()));
  std::thread other([&] {
    const mutex_lock held(c.mutex);
    c.value = 1;
    c.changed.notify_all();
  });
  while (c.value == 0) c.changed.wait_until(lock, modal::never);
  lock.unlock();
  other.join();
}
