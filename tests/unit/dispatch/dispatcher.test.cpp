// SPDX-License-Identifier: Apache-2.0
#include "dispatch/dispatcher.hpp"

#include "unit/dispatch/fake_calls.hpp"

#include <thread>

using namespace test;

TEST_CASE("dispatcher: runs a call and answers once", "[executor][dispatcher]") {
  bench b;
  b.calls.start();
  const auto call = b.call("test::echo", "hello");
  const outcome answer = call.get();
  CHECK_FALSE(answer.failure);
  CHECK(answer.bytes == "hello");
  CHECK(answer.report.attempts == 1);
  b.calls.stop(0s, 30s);
  CHECK(call.sink->count() == 1);
  const auto now = b.calls.snapshot();
  CHECK(now.succeeded == 1);
  CHECK(now.bytes_in_flight == 0);
  CHECK(now.waiting == 0);
  CHECK(now.running == 0);
}

TEST_CASE("dispatcher: hands JSON through", "[executor][dispatcher]") {
  bench b;
  b.calls.start();
  const auto call = b.call(head_of("test::echo"), "[1,2]", encoding::json);
  CHECK(call.get().bytes == "[1,2]");
}

TEST_CASE("dispatcher: runs calls in the order in which they came", "[executor][dispatcher]") {
  bench b;
  const auto first = b.call("test::slow");
  const auto second = b.call("test::slow");
  b.calls.start();
  CHECK(first.get().report.queue == 0s);
  CHECK(second.get().report.queue == 10s);
}

TEST_CASE("dispatcher: answers at the deadline of a waiting call", "[executor][dispatcher]") {
  bench b;
  const auto call = b.call("test::short");
  b.clock.advance(99ms);
  CHECK(b.calls.expire() == b.clock.now() + 1ms);
  CHECK_FALSE(call.sink->is_answered());
  b.clock.advance(1ms);
  CHECK(b.calls.expire() == never);
  const outcome answer = call.get();
  CHECK(answer.is(errc::deadline_exceeded));
  CHECK(answer.report.queue == 100ms);
  CHECK(b.calls.snapshot().waiting == 0);
  CHECK(b.calls.snapshot().bytes_in_flight == 0);
}

TEST_CASE("dispatcher: does not start a call that is late", "[executor][dispatcher]") {
  bench b;
  const auto call = b.call("test::short");
  b.clock.advance(100ms);
  b.calls.start();
  CHECK_FALSE(b.call("test::echo").get().failure);  // the worker has seen the other one first
  b.calls.expire();
  CHECK(call.get().is(errc::deadline_exceeded));
  CHECK(b.calls.snapshot().waiting == 0);
}

TEST_CASE("dispatcher: answers at the deadline of a running call and asks it to stop",
          "[executor][dispatcher]") {
  bench b;
  b.calls.start();
  const auto call = b.call("test::short");
  REQUIRE(the_gate().wait_entered(1));
  b.clock.advance(100ms);
  b.calls.expire();
  CHECK(call.get().is(errc::deadline_exceeded));
  REQUIRE(the_gate().wait_left(1));
  CHECK(the_gate().stopped() == 1);
  b.calls.stop(0s, 30s);
  CHECK(call.sink->count() == 1);
}

TEST_CASE("dispatcher: answers for a function that ignores its stop token",
          "[executor][dispatcher]") {
  bench b;
  b.calls.start();
  auto head = head_of("test::ignore");
  head.timeout = 10ms;
  const auto call = b.call(head);
  REQUIRE(the_gate().wait_entered(1));
  b.clock.advance(10ms);
  b.calls.expire();
  CHECK(call.get().is(errc::deadline_exceeded));
  CHECK(b.calls.snapshot().running == 1);
  CHECK(b.calls.snapshot().bytes_in_flight == 3);  // it may still read its arguments
  the_gate().open();
  const auto next = b.call("test::echo");
  CHECK_FALSE(next.get().failure);
  CHECK(b.calls.snapshot().bytes_in_flight == 0);
  CHECK(call.sink->count() == 1);
}

TEST_CASE("dispatcher: refuses a body that came too late", "[executor][dispatcher]") {
  bench b;
  auto admitted = b.calls.admit(head_of("test::short"), encoding::binary, 3, body_state::arriving);
  REQUIRE(admitted.has_value());
  b.clock.advance(100ms);
  const auto sink = std::make_shared<counting_sink>();
  b.calls.submit(*std::move(admitted), b.body_of("abc"), sink);
  CHECK(sink->get().is(errc::deadline_exceeded));
}

TEST_CASE("dispatcher: cancels a waiting call", "[executor][dispatcher]") {
  bench b;
  const auto call = b.call("test::echo");
  b.calls.cancel(*call.call);
  b.calls.cancel(*call.call);
  CHECK(call.get().is(errc::cancelled));
  CHECK(b.calls.snapshot().waiting == 0);
  b.calls.start();
  b.calls.stop(0s, 30s);
  CHECK(call.sink->count() == 1);
}

TEST_CASE("dispatcher: cancels a running call and stops its token", "[executor][dispatcher]") {
  bench b;
  b.calls.start();
  const auto call = b.call("test::wait");
  REQUIRE(the_gate().wait_entered(1));
  b.calls.cancel(*call.call);
  CHECK(call.get().is(errc::cancelled));
  b.calls.expire();  // where stop callbacks run
  REQUIRE(the_gate().wait_left(1));
  CHECK(the_gate().stopped() == 1);
}

TEST_CASE("dispatcher: ignores a cancel that comes too late", "[executor][dispatcher]") {
  bench b;
  b.calls.start();
  const auto call = b.call("test::echo");
  CHECK_FALSE(call.get().failure);
  b.calls.cancel(*call.call);
  CHECK(call.sink->count() == 1);
}

TEST_CASE("dispatcher: has cancellers that outlive it", "[executor][dispatcher]") {
  std::function<void()> cancel;
  const auto sink = std::make_shared<counting_sink>();
  {
    bench b;
    auto admitted = b.admit("test::echo", 3);
    cancel = b.calls.canceller(b.calls.submit(*std::move(admitted), b.body_of("abc"), sink));
    cancel();
    CHECK(sink->get().is(errc::cancelled));
  }
  cancel();
  CHECK(sink->count() == 1);
}

TEST_CASE("dispatcher: repeats a failed run as often as the options say",
          "[executor][dispatcher]") {
  bench b;
  b.calls.start();
  const outcome good = b.call("test::stubborn", "\4").get();
  CHECK_FALSE(good.failure);
  CHECK(good.report.attempts == 4);
  const outcome bad = b.call("test::stubborn", "\5").get();
  CHECK(bad.is(errc::function_failed));
  CHECK(bad.report.attempts == 4);
}

TEST_CASE("dispatcher: waits a bounded time before it repeats", "[executor][dispatcher]") {
  bench b;
  b.calls.start();
  const auto call = b.call("test::patient", "\3");
  const auto until = [&](std::uint64_t attempt) {
    while (!call.sink->is_answered()) {
      const auto now = b.calls.snapshot();
      for (const auto& each : now.functions)
        if (each.descriptor->name == "test::patient" && each.metrics.retried >= attempt) return;
      std::this_thread::yield();
    }
  };
  until(1);
  b.clock.advance(1000ms);  // the longest first wait
  b.calls.expire();
  until(2);
  b.clock.advance(2000ms);
  b.calls.expire();
  const outcome answer = call.get();
  CHECK_FALSE(answer.failure);
  CHECK(answer.report.attempts == 3);
}

TEST_CASE("dispatcher: does not repeat past the deadline", "[executor][dispatcher]") {
  bench b;
  b.calls.start();
  const outcome answer = b.call("test::late").get();
  CHECK(answer.is(errc::function_failed));
  CHECK(answer.report.attempts == 1);
}

TEST_CASE("dispatcher: cancels a call that waits to be repeated", "[executor][dispatcher]") {
  bench b;
  b.calls.start();
  const auto call = b.call("test::patient", "\3");
  const auto is_delayed = [&] {
    const auto now = b.calls.snapshot();
    return now.running == 0 && now.waiting == 1;
  };
  while (!is_delayed()) std::this_thread::yield();
  b.calls.cancel(*call.call);
  CHECK(call.get().is(errc::cancelled));
  CHECK(b.calls.snapshot().waiting == 0);
}

TEST_CASE("dispatcher: answers exactly once when everything races", "[executor][dispatcher]") {
  bench b({.threads = 2});
  b.calls.start();
  for (int round = 0; round < 300; ++round) {
    auto head = head_of("test::echo");
    head.timeout = 1ms;
    const auto call = b.call(head);
    std::thread canceller([&] { b.calls.cancel(*call.call); });
    b.clock.advance(1ms);
    b.calls.expire();
    canceller.join();
    call.get();
    REQUIRE(call.sink->count() == 1);
  }
  b.calls.stop(0s, 30s);
  const auto now = b.calls.snapshot();
  CHECK(now.admitted == now.succeeded + now.failed);
  CHECK(now.bytes_in_flight == 0);
}

TEST_CASE("dispatcher: keeps deadlines by itself", "[executor][dispatcher]") {
  the_gate().reset();
  buffer_pool pool;
  dispatcher calls(some_functions(), {.threads = 1});
  calls.start();
  auto head = head_of("test::wait");
  head.timeout = 20ms;
  auto admitted = calls.admit(head, encoding::binary, 0);
  REQUIRE(admitted.has_value());
  const auto sink = std::make_shared<counting_sink>();
  const auto running = calls.submit(*std::move(admitted), pool.take(0), sink);
  CHECK(sink->get().is(errc::deadline_exceeded));
  CHECK(the_gate().wait_left(1));
}

TEST_CASE("dispatcher: logs who made a call, and what came of it", "[executor][dispatcher]") {
  std::promise<std::string> logged;
  bench b({.threads = 1,
           .log =
               [&](const log_record& record) {
                 std::string line(record.message);
                 for (const auto& [name, value] : record.fields)
                   line.append(" ").append(name).append("=").append(value);
                 logged.set_value(line);
               },
           .log_calls = true});
  b.calls.start();
  auto admitted = b.calls.admit(head_of("test::echo"), encoding::binary, 1, body_state::complete,
                                std::make_shared<const principal>(principal{.name = "alice"}));
  REQUIRE(admitted.has_value());
  b.calls.submit(*std::move(admitted), b.body_of("x"), std::make_shared<counting_sink>());
  CHECK_THAT(logged.get_future().get(), contains("done") && contains(" caller=alice"));
}

TEST_CASE("dispatcher: drains: lets calls finish, takes no new ones", "[executor][dispatcher]") {
  bench b;
  b.calls.start();
  const auto running = b.call("test::wait");
  const auto waiting = b.call("test::echo");
  REQUIRE(the_gate().wait_entered(1));
  std::size_t left_behind = 99;
  std::thread stopper([&] { left_behind = b.calls.stop(30s, 30s); });
  while (!b.calls.draining()) std::this_thread::yield();
  CHECK(b.admit("test::echo").has_error());
  the_gate().open();
  stopper.join();
  CHECK(left_behind == 0);
  CHECK_FALSE(running.get().failure);
  CHECK_FALSE(waiting.get().failure);
}

TEST_CASE("dispatcher: ends what is left when the grace period is over", "[executor][dispatcher]") {
  bench b;
  b.calls.start();
  const auto running = b.call("test::wait");
  const auto waiting = b.call("test::echo");
  REQUIRE(the_gate().wait_entered(1));
  auto reading = b.admit("test::echo", 3);
  REQUIRE(reading.has_value());
  CHECK(b.calls.stop(0s, 30s) == 0);
  CHECK(running.get().is(errc::cancelled));
  CHECK(waiting.get().is(errc::draining));
  CHECK(waiting.get().failure->condition() == condition::retry_later);
  CHECK(the_gate().stopped() == 1);
  const auto sink = std::make_shared<counting_sink>();
  b.calls.submit(*std::move(reading), b.body_of("abc"), sink);
  CHECK(sink->get().is(errc::draining));
}

TEST_CASE("dispatcher: leaves a function behind that never stops", "[executor][dispatcher]") {
  std::shared_ptr<counting_sink> sink;
  {
    bench b;
    b.calls.start();
    const auto call = b.call("test::ignore");
    sink = call.sink;
    REQUIRE(the_gate().wait_entered(1));
    CHECK(b.calls.stop(0s, 0s) == 1);
    CHECK(call.get().is(errc::cancelled));
    CHECK(b.calls.stop(0s, 0s) == 0);
  }
  the_gate().open();  // it returns after its dispatcher is gone
  REQUIRE(the_gate().wait_left(1));
  CHECK(sink->count() == 1);
}

TEST_CASE("dispatcher: ends the grace period when it is hurried", "[executor][dispatcher]") {
  bench b;
  b.calls.start();
  const auto running = b.call("test::wait");
  REQUIRE(the_gate().wait_entered(1));
  std::thread stopper([&] { b.calls.stop(1h, 30s); });
  b.calls.hurry();
  stopper.join();
  CHECK(running.get().is(errc::cancelled));
}

TEST_CASE("dispatcher: a backlog of one function delays no other", "[executor][dispatcher]") {
  bench b({.threads = 2});
  b.calls.start();
  std::vector<bench::started> backlog;
  for (int i = 0; i < 5; ++i) backlog.push_back(b.call("test::modest"));
  REQUIRE(the_gate().wait_entered(1));
  CHECK_FALSE(b.call("test::echo").get().failure);  // a worker is left for it
  const auto now = b.calls.snapshot();
  CHECK(now.running == 1);
  CHECK(now.waiting == 4);
  the_gate().open();
  for (const auto& each : backlog) CHECK_FALSE(each.get().failure);
}

TEST_CASE("dispatcher: a stop callback that blocks delays no deadline", "[executor][dispatcher]") {
  the_gate().reset();
  buffer_pool pool;
  dispatcher calls(some_functions(), {.threads = 3});
  calls.start();
  const auto start = [&](const std::string& function, std::chrono::microseconds timeout) {
    auto head = head_of(function);
    head.timeout = timeout;
    auto sink = std::make_shared<counting_sink>();
    auto admitted = calls.admit(head, encoding::binary, 0);
    REQUIRE(admitted.has_value());
    return std::pair(calls.submit(*std::move(admitted), pool.take(0), sink), sink);
  };
  const auto blocks = start("test::block_stop", 10ms);
  CHECK(blocks.second->get().is(errc::deadline_exceeded));
  REQUIRE(the_gate().wait_entered(1));  // by the callback
  const auto other = start("test::wait", 10ms);
  CHECK(other.second->get().is(errc::deadline_exceeded));
  const auto cancelled = start("test::wait", 1h);
  calls.cancel(*cancelled.first);
  CHECK(cancelled.second->get().is(errc::cancelled));
  the_gate().open();
  CHECK(calls.stop(0s, 30s) == 0);
}

TEST_CASE("dispatcher: a call that has run and waits to run again ends with its failure",
          "[executor][dispatcher]") {
  bench b;
  b.calls.start();
  const auto call = b.call("test::patient", "\3");
  const auto has_run = [&] {
    for (const auto& each : b.calls.snapshot().functions)
      if (each.metrics.retried > 0) return true;
    return false;
  };
  while (!has_run()) std::this_thread::yield();
  b.calls.stop(0s, 30s);
  const outcome answer = call.get();
  CHECK(answer.is(errc::function_failed));
  CHECK(answer.failure->details().exception_type.find("bad_pixel") != std::string::npos);
}

// What is told of an answer is users' code, and may make calls: it has no place to leave.
TEST_CASE("dispatcher: drains until the answers are delivered, not only decided",
          "[executor][dispatcher]") {
  struct slow_sink final : call_sink {
    void on_answer(const call_answer&) noexcept override {
      the_gate().enter();
      is_done = true;
    }
    std::atomic<bool> is_done{false};
  };
  bench b({.threads = 1});
  b.calls.start();
  auto admitted = b.admit("test::echo", 1);
  REQUIRE(admitted.has_value());
  const auto sink = std::make_shared<slow_sink>();
  const auto held = b.calls.submit(*std::move(admitted), b.body_of("x"), sink);
  REQUIRE(the_gate().wait_entered(1));
  std::thread opener([] {
    std::this_thread::yield();
    the_gate().open();
  });
  // With no patience: the worker may be on its way back from there.
  (void)b.calls.stop(30s, 0s);
  CHECK(sink->is_done);
  opener.join();
}
