// SPDX-License-Identifier: Apache-2.0
#include "unit/net/loop_probe.hpp"

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using namespace test;
using modal::never;
using modal::polling;

TEST_CASE("event loop: tells of a descriptor, its end, and not after unwatch",
          "[net][event_loop]") {
  event_loop loop(GENERATE(polling::off, polling::guarded));
  descriptors pair;
  event_loop::events seen = 0;
  const auto target = std::make_shared<probe>([&](auto what) { seen |= what; });
  target->does = [&](auto what) {
    if ((what & word) != 0) loop.watch(pair.ends[0], *target);
    seen |= what;
  };
  loop.raise(*target, word);
  loop.look();
  CHECK((seen & event_loop::writable) != 0);
  CHECK((seen & event_loop::readable) == 0);
  pair.write();
  loop.look();
  CHECK((seen & event_loop::readable) != 0);
  CHECK((seen & event_loop::ended) == 0);
  REQUIRE(::shutdown(pair.ends[1], SHUT_WR) == 0);
  loop.look();
  CHECK((seen & event_loop::ended) != 0);
  CHECK(target.use_count() == 2);  // the loop owns it
  loop.unwatch(pair.ends[0], *target);
  CHECK(target.use_count() == 1);
  seen = 0;
  REQUIRE(::shutdown(pair.ends[1], SHUT_RDWR) == 0);
  loop.run_ready();
  CHECK(seen == 0);
}

TEST_CASE("event loop: what cannot be watched is not owned", "[net][event_loop]") {
  event_loop loop(GENERATE(polling::off, polling::guarded));
  const auto target = std::make_shared<probe>();
  CHECK_THROWS_AS(loop.watch(-1, *target), std::system_error);
  CHECK(target.use_count() == 1);
}

TEST_CASE("event loop: one thread at a time tells a target, and nothing is lost",
          "[net][event_loop]") {
  event_loop loop(GENERATE(polling::off, polling::guarded));
  const keepers keeping(loop, 2);
  constexpr int threads = 4;
  constexpr int times = 2000;
  // Each thread raises a bit of its own again only when the last one was told.
  std::atomic<int> told[threads]{};
  const auto target = std::make_shared<probe>([&](auto what) {
    for (int i = 0; i < threads; ++i)
      if ((what & (word << i)) != 0) told[i].fetch_add(1);
  });
  std::vector<std::thread> callers;
  for (int i = 0; i < threads; ++i)
    callers.emplace_back([&, i] {
      for (int k = 0; k < times; ++k) {
        if (k % 2 == 0)
          loop.raise(*target, word << i);
        else
          loop.tell(target, word << i);
        while (told[i].load() <= k) std::this_thread::yield();
      }
    });
  for (auto& each : callers) each.join();
  for (const auto& each : told) CHECK(each == times);
  CHECK_FALSE(target->was_crowded);
}

TEST_CASE("event loop: who tells itself leaves others their turn", "[net][event_loop]") {
  event_loop loop(GENERATE(polling::off, polling::guarded));
  std::vector<int> order;
  const auto busy = std::make_shared<probe>();
  busy->does = [&](auto) {
    order.push_back(1);
    if (order.size() < 5) loop.tell(busy, word);
  };
  const auto other = std::make_shared<probe>([&](auto) { order.push_back(2); });
  loop.tell(busy, word);
  loop.tell(other, word);
  loop.run_ready();
  CHECK(order == std::vector{1, 2});
  loop.run_ready();
  CHECK(order == std::vector{1, 2, 1});
}

// Whoever polls has shut out those that sleep; it is away, and they have the next event.
TEST_CASE("event loop: while one carries an event out, another has the next", "[net][event_loop]") {
  event_loop loop(GENERATE(polling::off, polling::guarded));
  const int rounds = 300;
  descriptors first_pair;
  descriptors second_pair;
  std::promise<void> is_watched[2];
  std::promise<void> first_is_told[rounds];
  std::promise<void> second_is_told[rounds];
  std::promise<void> first_is_done[rounds];
  int first_round = 0;
  int second_round = 0;
  const auto second = std::make_shared<probe>();
  second->does = [&](auto what) {
    char byte;
    if ((what & word) != 0) {
      loop.watch(second_pair.ends[0], *second);
      is_watched[1].set_value();
    } else if (::read(second_pair.ends[0], &byte, 1) == 1) {
      second_is_told[second_round++].set_value();
    }
  };
  const auto first = std::make_shared<probe>();
  first->does = [&](auto what) {
    char byte;
    if ((what & word) != 0) {
      loop.watch(first_pair.ends[0], *first);
      is_watched[0].set_value();
    } else if (::read(first_pair.ends[0], &byte, 1) == 1) {
      first_is_told[first_round].set_value();
      second_is_told[first_round].get_future().wait();
      first_is_done[first_round++].set_value();
    }
  };
  std::atomic<bool> is_over{false};
  std::vector<std::thread> lookers;
  for (int i = 0; i < 3; ++i)
    lookers.emplace_back([&] {
      while (!is_over.load()) loop.look();
    });
  loop.tell(first, word);
  loop.tell(second, word);
  for (auto& each : is_watched) each.get_future().wait();
  for (int i = 0; i < rounds; ++i) {
    first_pair.write();
    first_is_told[i].get_future().wait();
    second_pair.write();
    first_is_done[i].get_future().wait();
  }
  is_over = true;
  for (std::size_t i = 0; i < lookers.size(); ++i) loop.wake();
  for (auto& each : lookers) each.join();
  CHECK(first_round == rounds);
  CHECK(second_round == rounds);
  loop.unwatch(first_pair.ends[0], *first);
  loop.unwatch(second_pair.ends[0], *second);
}

TEST_CASE("event loop: times come in their order, and can be changed", "[net][event_loop]") {
  event_loop loop(GENERATE(polling::off, polling::guarded));
  std::vector<int> order;
  std::vector<std::shared_ptr<probe>> targets;
  for (int i = 0; i < 4; ++i)
    targets.push_back(std::make_shared<probe>([&order, i](auto what) {
      if (what == event_loop::late) order.push_back(i);
    }));
  const auto now = std::chrono::steady_clock::now();
  loop.schedule(*targets[0], now + 30ms);
  loop.schedule(*targets[1], now + 1h);
  loop.schedule(*targets[2], now + 10ms);
  loop.schedule(*targets[3], now + 5ms);
  loop.schedule(*targets[1], now + 20ms);  // earlier
  loop.schedule(*targets[3], never);       // not at all
  while (order.size() < 3) loop.look();
  CHECK(order == std::vector{2, 1, 0});
  loop.schedule(*targets[0], now - 1h);  // over already
  while (order.size() < 4) loop.look();
  CHECK(order.back() == 0);
}

TEST_CASE("event loop: a target that has a time may end", "[net][event_loop]") {
  event_loop loop(GENERATE(polling::off, polling::guarded));
  struct short_lived final : event_loop::target {
    explicit short_lived(event_loop& of) : loop(of) {}
    ~short_lived() override { loop.schedule(*this, never); }
    void on_events(event_loop::events) noexcept override {}
    event_loop& loop;
  };
  const keepers keeping(loop);
  for (int i = 0; i < 2000; ++i) {
    const auto target = std::make_shared<short_lived>(loop);
    loop.schedule(*target, std::chrono::steady_clock::now() + std::chrono::microseconds(i % 50));
  }
}

TEST_CASE("event loop: a wake ends one look, now or later", "[net][event_loop]") {
  event_loop loop(GENERATE(polling::off, polling::guarded));
  loop.wake();
  loop.look();
  loop.wake();
  loop.wake();
  loop.look();
  loop.look();
  std::atomic<int> returned{0};
  std::vector<std::thread> lookers;
  for (int i = 0; i < 4; ++i)
    lookers.emplace_back([&] {
      loop.look();
      ++returned;
    });
  for (int i = 0; i < 4; ++i) loop.wake();
  for (auto& each : lookers) each.join();
  CHECK(returned == 4);
}

// As a dispatcher does: what is there is counted under a lock, and so are those who look.
TEST_CASE("event loop: no wake is lost, whoever else runs the loop", "[net][event_loop]") {
  event_loop loop(GENERATE(polling::off, polling::guarded));
  const keepers keeping(loop, 2);
  std::mutex mutex;
  int items = 0;
  int looking = 0;
  int called = 0;
  bool over = false;
  std::atomic<int> taken{0};
  const auto noise = std::make_shared<probe>();
  std::vector<std::thread> workers;
  for (int i = 0; i < 3; ++i)
    workers.emplace_back([&] {
      std::unique_lock lock(mutex);
      for (;;) {
        if (items > 0) {
          --items;
          lock.unlock();
          loop.hand_over();
          ++taken;
          lock.lock();
        } else if (over) {
          return;
        } else {
          ++looking;
          lock.unlock();
          loop.look();
          lock.lock();
          --(called != 0 ? called : looking);
        }
      }
    });
  constexpr int rounds = 20000;
  for (int i = 0; i < rounds; ++i) {
    {
      const std::scoped_lock lock(mutex);
      ++items;
      if (looking > 0) {
        --looking;
        ++called;
        loop.wake();
      }
    }
    if (i % 3 == 0) loop.tell(noise, word);
    if (i % 7 == 0)
      while (taken.load() <= i) std::this_thread::yield();
  }
  while (taken.load() < rounds) std::this_thread::yield();
  {
    const std::scoped_lock lock(mutex);
    over = true;
    for (; looking > 0; --looking, ++called) loop.wake();
  }
  for (auto& each : workers) each.join();
  CHECK(taken == rounds);
}

TEST_CASE("event loop: is kept while nobody looks", "[net][event_loop]") {
  event_loop loop(GENERATE(polling::off, polling::guarded));
  const keepers keeping(loop);
  const auto keeper = keeping.threads.front().get_id();
  const auto teller = [&] {
    std::promise<std::thread::id> by;
    const auto target =
        std::make_shared<probe>([&](auto) { by.set_value(std::this_thread::get_id()); });
    loop.tell(target, word);
    return by.get_future().get();
  };
  CHECK(teller() == keeper);
  for (int i = 0; i < 100; ++i) {
    std::thread looking([&] { loop.look(); });
    loop.wake();
    looking.join();
    loop.hand_over();
    CHECK(teller() == keeper);
  }
}

TEST_CASE("event loop: is not kept while it is lent", "[net][event_loop]") {
  event_loop loop(GENERATE(polling::off, polling::guarded));
  loop.lend(true);
  const keepers keeping(loop);
  const auto target = std::make_shared<probe>();
  std::promise<std::thread::id> by;
  target->does = [&](auto) { by.set_value(std::this_thread::get_id()); };
  loop.tell(target, word);
  auto told = by.get_future();
  while (told.wait_for(0s) != std::future_status::ready) loop.run_ready();
  CHECK(told.get() == std::this_thread::get_id());
  by = {};
  loop.tell(target, word);
  loop.lend(false);
  CHECK(by.get_future().get() == keeping.threads.front().get_id());
}

TEST_CASE("event loop: ends those who keep it, also before they begin", "[net][event_loop]") {
  event_loop loop(GENERATE(polling::off, polling::guarded));
  { const keepers keeping(loop, 3); }
  loop.keep();
}

TEST_CASE("event loop: may end with much that was told to nobody", "[net][event_loop]") {
  std::vector<std::weak_ptr<probe>> told;
  {
    event_loop loop(GENERATE(polling::off, polling::guarded));
    for (int i = 0; i < 100'000; ++i) {
      const auto target = std::make_shared<probe>();
      loop.tell(target, word);
      if (i % 1000 == 0) told.push_back(target);
    }
  }
  for (const auto& each : told) CHECK(each.expired());
}

// Whoever takes an event of the end is not the one that it was for.
TEST_CASE("event loop: its end is seen by all who keep it, whoever else runs it",
          "[net][event_loop]") {
  for (int i = 0; i < 100; ++i) {
    event_loop loop(GENERATE(polling::off, polling::guarded));
    std::thread keeper([&] { loop.keep(); });
    std::atomic<bool> over{false};
    std::thread host([&] {
      while (!over) loop.run_ready();
    });
    loop.end();
    keeper.join();
    over = true;
    host.join();
  }
}

TEST_CASE("event loop: who is told again and again leaves others their turn", "[net][event_loop]") {
  event_loop loop(GENERATE(polling::off, polling::guarded));
  std::vector<int> order;
  const auto greedy = std::make_shared<probe>();
  greedy->does = [&](auto) {
    order.push_back(1);
    loop.raise(*greedy, word);  // as another thread would, meanwhile
  };
  const auto other = std::make_shared<probe>([&](auto) { order.push_back(2); });
  loop.tell(greedy, word);
  loop.tell(other, word);
  loop.run_ready();
  CHECK(order == std::vector{1, 1, 2});
  greedy->does = [](auto) {};
}
