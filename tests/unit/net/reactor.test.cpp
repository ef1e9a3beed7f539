// SPDX-License-Identifier: Apache-2.0
#include <modal/net/reactor.hpp>

#include "support/catch.hpp"

#include <future>
#include <memory>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

using namespace std::chrono_literals;
using namespace modal;
using namespace modal::detail;

namespace {

// Does what a test says, and tells what it was told.
struct probe final : reactor::target {
  std::function<void()> posted = [] {};
  std::function<void()> ready = [] {};
  std::function<void()> time = [] {};
  std::promise<std::string> failed;

  void on_posted() override { posted(); }
  void on_ready() override { ready(); }
  void on_time() override { time(); }
  void on_error(const char* what) noexcept override { failed.set_value(what); }
};

struct running_reactor {
  std::function<void(int)> idle_ready = [](int) {};
  reactor self{[this](int descriptor) { idle_ready(descriptor); },
               GENERATE(polling::off, polling::guarded)};
  ~running_reactor() { self.stop(nullptr); }
};

struct descriptors {
  descriptors() { REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0); }
  ~descriptors() {
    ::close(ends[0]);
    ::close(ends[1]);
  }
  int ends[2];
};

}  // namespace

TEST_CASE("reactor: runs what is posted, once for each post", "[net][reactor]") {
  const auto target = std::make_shared<probe>();
  int runs = 0;  // of the reactor's thread, until it is joined
  {
    running_reactor r;
    target->posted = [&] { ++runs; };
    for (int i = 0; i < 100; ++i) r.self.post(target);
  }
  CHECK(runs == 100);
}

TEST_CASE("reactor: tells of a descriptor while somebody watches it", "[net][reactor]") {
  descriptors pair;
  running_reactor r;
  const auto target = std::make_shared<probe>();
  bool is_watched = false;
  std::promise<void> heard;
  std::promise<int> idle;
  std::promise<void> watching;
  // The first event tells that the descriptor can be written.
  int events = 0;
  r.idle_ready = [&](int descriptor) { idle.set_value(descriptor); };
  target->ready = [&] {
    if (++events == 1) return watching.set_value();
    r.self.unwatch(pair.ends[0], *target);
    heard.set_value();
  };
  target->posted = [&] { r.self.watch(pair.ends[0], *target, is_watched); };
  r.self.post(target);
  watching.get_future().get();
  REQUIRE(::write(pair.ends[1], "x", 1) == 1);
  heard.get_future().get();
  CHECK(is_watched);
  REQUIRE(::write(pair.ends[1], "x", 1) == 1);
  CHECK(idle.get_future().get() == pair.ends[0]);
}

TEST_CASE("reactor: keeps times in their order, and forgets those that were moved",
          "[net][reactor]") {
  running_reactor r;
  const auto first = std::make_shared<probe>();
  const auto second = std::make_shared<probe>();
  const auto never_told = std::make_shared<probe>();
  std::string order;
  std::promise<void> done;
  first->time = [&] { order += '1'; };
  second->time = [&] {
    order += '2';
    done.set_value();
  };
  never_told->time = [&] { order += 'x'; };
  first->posted = [&] {
    const auto now = std::chrono::steady_clock::now();
    r.self.schedule(*never_told, now + 1ms);
    r.self.schedule(*second, now + 1h);
    r.self.schedule(*second, now + 3ms);
    r.self.schedule(*first, now + 2ms);
    r.self.schedule(*never_told, never);
  };
  r.self.post(first);
  done.get_future().get();
  CHECK(order == "12");
}

TEST_CASE("reactor: survives what a target throws", "[net][reactor]") {
  running_reactor r;
  const auto thrower = std::make_shared<probe>();
  thrower->posted = [] { throw std::bad_alloc(); };
  r.self.post(thrower);
  CHECK(thrower->failed.get_future().get() == "std::bad_alloc");
  const auto other = std::make_shared<probe>();
  std::promise<void> ran;
  other->posted = [&] { ran.set_value(); };
  r.self.post(other);
  ran.get_future().get();
}

TEST_CASE("reactor: takes no posts when it has ended, and keeps nobody", "[net][reactor]") {
  auto target = std::make_shared<probe>();
  reactor ended([](int) {});
  ended.stop(nullptr);
  ended.post(target);
  CHECK(target.use_count() == 1);
}

TEST_CASE("reactor: may be stopped on its own thread, by the end of its owner", "[net][reactor]") {
  struct owner {
    reactor events{[](int) {}};
  };
  auto owned = std::make_shared<owner>();
  const std::weak_ptr<owner> watched = owned;
  std::promise<void> ended;
  auto target = std::make_shared<probe>();
  owner& raw = *owned;
  target->posted = [&] {
    owned->events.stop(owned);
    owned.reset();
    ended.set_value();
  };
  raw.events.post(target);
  ended.get_future().get();
  while (!watched.expired()) std::this_thread::yield();
}

TEST_CASE("reactor: what may wait for the next event comes with it, or in time", "[net][reactor]") {
  descriptors pair;
  running_reactor r;
  const auto watcher = std::make_shared<probe>();
  const auto patient = std::make_shared<probe>();
  std::promise<void> watched;
  std::promise<void> ran;
  bool is_watched = false;
  watcher->posted = [&] {
    r.self.watch(pair.ends[0], *watcher, is_watched);
    r.self.schedule(*watcher, std::chrono::steady_clock::now() + 1h);
    watched.set_value();
  };
  patient->posted = [&] { ran.set_value(); };
  r.self.post(watcher);
  watched.get_future().wait();
  auto is_run = ran.get_future();
  SECTION("with an event") {
    r.self.post(patient, std::chrono::steady_clock::now() + 2h);
    REQUIRE(::write(pair.ends[1], "x", 1) == 1);
    is_run.wait();
  }
  SECTION("with another post") {
    r.self.post(patient, std::chrono::steady_clock::now() + 2h);
    const auto other = std::make_shared<probe>();
    r.self.post(other);
    is_run.wait();
  }
  SECTION("in time, where nothing else would wake it before") {
    r.self.post(patient, std::chrono::steady_clock::now() + 1ms);
    is_run.wait();
  }
  std::promise<void> unwatched;
  watcher->posted = [&] {
    r.self.unwatch(pair.ends[0], *watcher);
    r.self.schedule(*watcher, never);
    unwatched.set_value();
  };
  r.self.post(watcher);
  unwatched.get_future().wait();
}

TEST_CASE("reactor: tells who watches next that something was missed", "[net][reactor]") {
  descriptors pair;
  std::promise<void> missed;
  running_reactor r{.idle_ready = [&](int) { missed.set_value(); }};
  const auto target = std::make_shared<probe>();
  bool is_watched = false;
  std::promise<bool> first;
  target->posted = [&] {
    const bool was_missed = r.self.watch(pair.ends[0], *target, is_watched);
    r.self.unwatch(pair.ends[0], *target);
    first.set_value(was_missed);
  };
  target->ready = [] {};
  r.self.post(target);
  CHECK_FALSE(first.get_future().get());
  missed.get_future().wait();  // it can be written to
  std::promise<bool> second;
  std::promise<bool> third;
  target->posted = [&] {
    second.set_value(r.self.watch(pair.ends[0], *target, is_watched));
    r.self.unwatch(pair.ends[0], *target);
    const bool was_missed = r.self.watch(pair.ends[0], *target, is_watched);
    r.self.unwatch(pair.ends[0], *target);
    third.set_value(was_missed);
  };
  r.self.post(target);
  CHECK(second.get_future().get());
  CHECK_FALSE(third.get_future().get());
}

TEST_CASE("reactor: hears what is posted, and keeps times, while events never end",
          "[net][reactor]") {
  constexpr std::size_t count = 300;  // more than it takes at once
  std::vector<std::unique_ptr<descriptors>> pairs;
  std::vector<std::shared_ptr<probe>> busy;
  for (std::size_t i = 0; i < count; ++i) {
    pairs.push_back(std::make_unique<descriptors>());
    busy.push_back(std::make_shared<probe>());
  }
  std::promise<void> heard;
  std::promise<void> timed;
  const auto other = std::make_shared<probe>();
  bool watched[count] = {};
  std::size_t told = 0;
  {
    running_reactor r;
    other->posted = [&] { heard.set_value(); };
    other->time = [&] { timed.set_value(); };
    for (std::size_t i = 0; i < count; ++i) {
      // Each event makes the next.
      busy[i]->ready = [&, i] {
        char byte = 0;
        while (::read(pairs[i]->ends[0], &byte, 1) == 1) {
        }
        (void)!::write(pairs[i]->ends[1], "x", 1);
        if (++told == 10 * count) {
          r.self.post(other);
          r.self.schedule(*other, std::chrono::steady_clock::now());
        }
      };
      busy[i]->posted = [&, i] { r.self.watch(pairs[i]->ends[0], *busy[i], watched[i]); };
    }
    for (const auto& each : busy) r.self.post(each);
    CHECK(heard.get_future().wait_for(60s) == std::future_status::ready);
    CHECK(timed.get_future().wait_for(60s) == std::future_status::ready);
  }
}
