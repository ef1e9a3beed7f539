// SPDX-License-Identifier: Apache-2.0
#include "dispatch/dispatcher.hpp"
#include "unit/dispatch/fake_calls.hpp"

#include <atomic>
#include <memory>

using namespace test;

TEST_CASE("dispatcher: a function that waits leaves its place to others",
          "[executor][dispatcher]") {
  bench b({.threads = 1});
  b.calls.start();
  const auto waits = b.call("test::away");
  REQUIRE(the_gate().wait_entered(1));
  CHECK_FALSE(b.call("test::echo").get().failure);
  const auto more = b.call("test::away");
  REQUIRE(the_gate().wait_entered(2));
  CHECK_FALSE(b.call("test::echo").get().failure);
  the_gate().open();
  CHECK_FALSE(waits.get().failure);
  CHECK_FALSE(more.get().failure);
}

TEST_CASE("dispatcher: a function that waits lets others of its own run, by default",
          "[executor][dispatcher]") {
  bench b({.threads = 2});  // of which one function may have one
  b.calls.start();
  const auto first = b.call("test::resting");
  REQUIRE(the_gate().wait_entered(1));
  const auto second = b.call("test::resting");
  REQUIRE(the_gate().wait_entered(2));
  const auto third = b.call("test::resting");
  CHECK(the_gate().wait_entered(3));
  the_gate().open();
  CHECK_FALSE(first.get().failure);
  CHECK_FALSE(second.get().failure);
  CHECK_FALSE(third.get().failure);
}

TEST_CASE("dispatcher: a sink that waits for a call holds up one worker only",
          "[executor][dispatcher]") {
  struct resting_sink final : call_sink {
    void on_answer(const call_answer&) noexcept override {
      const away_from_seat away;
      the_gate().enter();
    }
  };
  bench b({.threads = 2});
  b.calls.start();
  auto admitted = b.admit("test::echo", 1);
  REQUIRE(admitted.has_value());
  const auto held =
      b.calls.submit(*std::move(admitted), b.body_of("x"), std::make_shared<resting_sink>());
  REQUIRE(the_gate().wait_entered(1));
  CHECK_FALSE(b.call("test::echo").get().failure);
  CHECK(b.calls.snapshot().running == 0);
  the_gate().open();
}

TEST_CASE("dispatcher: bounds the threads that stand in for others", "[executor][dispatcher]") {
  bench b({.threads = 1, .spare_threads = 1});
  b.calls.start();
  const auto first = b.call("test::away");
  REQUIRE(the_gate().wait_entered(1));
  const auto second = b.call("test::away");
  REQUIRE(the_gate().wait_entered(2));
  const auto third = b.call("test::echo");
  CHECK_FALSE(third.sink->is_answered());
  CHECK(b.calls.snapshot().waiting == 1);
  the_gate().open();
  CHECK_FALSE(third.get().failure);
  CHECK_FALSE(first.get().failure);
  CHECK_FALSE(second.get().failure);
}

TEST_CASE("dispatcher: a limit that the user gave holds for calls that are run by who waits",
          "[executor][dispatcher]") {
  bench b({.threads = 2});
  b.calls.start();
  const auto first = b.call("test::alone");
  REQUIRE(the_gate().wait_entered(1));
  bench::started second;
  bool has_run = true;
  functions::the_errand() = [&] {
    second = b.call("test::alone");
    has_run = b.calls.run_here(*second.call);
  };
  CHECK_FALSE(b.call("test::errand", "").get().failure);
  CHECK_FALSE(has_run);
  the_gate().open();
  CHECK_FALSE(first.get().failure);
  CHECK_FALSE(second.get().failure);
}

TEST_CASE("dispatcher: a function may wait for itself beyond the limit that the user gave",
          "[executor][dispatcher]") {
  bench b({.threads = 2});
  b.calls.start();
  bool has_run = false;
  functions::the_errand() = [&] {
    const auto inner = b.call("test::errand_alone", "1");
    has_run = b.calls.run_here(*inner.call);
    CHECK_FALSE(inner.get().failure);
  };
  CHECK_FALSE(b.call("test::errand_alone", "").get().failure);
  CHECK(has_run);
}

namespace {

// Takes its time over an answer.
class slow_sink final : public call_sink {
 public:
  explicit slow_sink(std::function<void()> what) : what_(std::move(what)) {}
  void on_answer(const call_answer&) noexcept override { what_(); }

 private:
  const std::function<void()> what_;
};

}  // namespace

TEST_CASE("waiting: a stop wakes every worker that it takes off its bed", "[dispatch][waiting]") {
  bench b({.threads = 4});
  b.calls.start();
  const auto first = b.call("test::alone");
  REQUIRE(the_gate().wait_entered(1));
  // Its answer takes until the first one, which was asked to stop, has ended; then the lane has
  // room, and calls that are about to be ended.
  auto admitted = b.calls.admit(head_of("test::alone"), encoding::binary, 3);
  REQUIRE(admitted.has_value());
  const auto second =
      b.calls.submit(*std::move(admitted), b.body_of("abc"), std::make_shared<slow_sink>([&b] {
        while (b.calls.snapshot().running != 0) std::this_thread::yield();
      }));
  std::vector<bench::started> queued;
  for (int i = 0; i < 4; ++i) queued.push_back(b.call("test::alone"));
  auto stopped = std::async(std::launch::async, [&] { return b.calls.stop(0s, 30s); });
  REQUIRE(stopped.wait_for(60s) == std::future_status::ready);
  CHECK(stopped.get() == 0);
  for (const auto& each : queued) CHECK(each.sink->get().is(errc::draining));
}
