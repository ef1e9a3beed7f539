// SPDX-License-Identifier: Apache-2.0
#include "worker/thread_pool.hpp"

#include "worker/parker.hpp"

#include <atomic>
#include <future>
#include <support/catch.hpp>

using namespace std::chrono_literals;
using modal::detail::parker;
using modal::detail::thread_pool;

namespace {
std::size_t none_busy() { return 0; }
}  // namespace

TEST_CASE("thread_pool: waits for threads that are not busy, whatever its patience",
          "[worker][thread_pool]") {
  for (int i = 0; i < 100; ++i) {
    thread_pool pool;
    pool.start(4, "test", [] { std::this_thread::yield(); });
    REQUIRE(pool.join_for(0ms, none_busy) == 0);
  }
}

TEST_CASE("thread_pool: runs its loop on every thread", "[worker][thread_pool]") {
  std::atomic<int> count{0};
  thread_pool pool;
  pool.start(3, "test", [&] { ++count; });
  CHECK(pool.join_for(30s, none_busy) == 0);
  CHECK(count == 3);
}

TEST_CASE("thread_pool: leaves behind what does not return", "[worker][thread_pool]") {
  const auto release = std::make_shared<std::promise<void>>();
  auto released = std::make_shared<std::shared_future<void>>(release->get_future().share());
  std::promise<void> returned;
  std::atomic<int> number{0};
  {
    thread_pool pool;
    pool.start(2, "test", [&, released] {
      if (number++ == 0) {
        released->wait();
        returned.set_value();
      }
    });
    CHECK(pool.join_for(50ms, [] { return std::size_t{1}; }) == 1);
    CHECK(pool.join_for(0ms, none_busy) == 0);
  }
  release->set_value();
  CHECK(returned.get_future().wait_for(30s) == std::future_status::ready);
}

TEST_CASE("thread_pool: can be joined before it is started", "[worker][thread_pool]") {
  thread_pool pool;
  CHECK(pool.join_for(0ms, none_busy) == 0);
}

TEST_CASE("parker: passes a wake-up on, early or late", "[worker][parker]") {
  parker bed;
  bed.unpark();
  bed.unpark();
  bed.park();
  std::atomic<int> step{0};
  std::thread sleeper([&] {
    for (int i = 0; i < 1000; ++i) {
      bed.park();
      ++step;
    }
  });
  for (int i = 0; i < 1000; ++i) {
    bed.unpark();
    while (step <= i) std::this_thread::yield();
  }
  sleeper.join();
  CHECK(step == 1000);
}
