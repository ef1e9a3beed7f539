// SPDX-License-Identifier: Apache-2.0
// Calls whose ids come again: those that run once, and those whose callers may ask again.
#include "unit/dispatch/fake_calls.hpp"

using namespace test;

TEST_CASE("repeats: an id that has run is not run again", "[executor][repeats]") {
  bench b;
  b.calls.start();
  const auto id = call_id::random();
  CHECK_FALSE(b.call(named("test::echo", id)).get().failure);
  const outcome again = b.call(named("test::echo", id)).get();
  REQUIRE(again.is(errc::duplicate_call));
  CHECK(again.failure->details().call_id == id.to_string());
  CHECK(b.call(repeating("test::echo", id)).get().is(errc::duplicate_call));
  // Nor does the refused one make it forgotten.
  CHECK(b.call(named("test::slow", id)).get().is(errc::duplicate_call));
  CHECK_FALSE(b.call(named("test::echo", call_id::random())).get().failure);
  CHECK_FALSE(b.call("test::echo").get().failure);
  CHECK_FALSE(b.call("test::echo").get().failure);
  b.calls.stop(1s, 30s);
  check_rests(b, 7);
}

TEST_CASE("repeats: an id that is under way is not run again", "[executor][repeats]") {
  bench b({.threads = 2});
  b.calls.start();
  const auto id = call_id::random();
  const auto first = b.call(named("test::wait", id));
  REQUIRE(the_gate().wait_entered(1));
  CHECK(b.call(named("test::wait", id)).get().is(errc::duplicate_call));
  the_gate().open();
  CHECK_FALSE(first.get().failure);
}

TEST_CASE("repeats: an id is free again when its call has not run", "[executor][repeats]") {
  bench b;
  const auto id = call_id::random();
  {
    const auto never_submitted = b.calls.admit(named("test::echo", id), encoding::binary, 3);
    REQUIRE(never_submitted.has_value());
  }
  const auto first = b.call(named("test::echo", id));
  {
    const auto never_submitted = b.calls.admit(named("test::echo", id), encoding::binary, 3);
    REQUIRE(never_submitted.has_value());
  }
  CHECK(b.call(named("test::echo", id)).get().is(errc::duplicate_call));
  b.calls.cancel(*first.call);
  CHECK(first.get().is(errc::cancelled));
  const auto second = b.call(named("test::echo", id));
  b.calls.start();
  CHECK_FALSE(second.get().failure);
}

TEST_CASE("repeats: ids are forgotten after their time", "[executor][repeats]") {
  dispatcher_config config{.threads = 1};
  config.bounds.remembered_time = 5s;
  bench b(config);
  b.calls.start();
  const auto id = call_id::random();
  CHECK_FALSE(b.call(named("test::echo", id)).get().failure);
  b.clock.advance(5s - 1ns);
  CHECK(b.call(named("test::echo", id)).get().is(errc::duplicate_call));
  b.clock.advance(1ns);
  CHECK_FALSE(b.call(named("test::echo", id)).get().failure);
}

TEST_CASE("repeats: who asks again is given the outcome", "[executor][repeats]") {
  bench b;
  b.calls.start();
  const auto id = call_id::random();
  auto how = GENERATE(encoding::binary, encoding::json);
  const outcome first = b.call(repeating("test::slow", id), "one", how).get();
  CHECK(first.bytes == "one");
  const auto time = b.clock.now();
  const outcome second = b.call(repeating("test::slow", id), "two", how).get();
  CHECK(second.bytes == "one");
  CHECK(b.clock.now() == time);  // nothing ran
  b.clock.advance(60s);
  CHECK(b.call(repeating("test::slow", id), "three", how).get().bytes == "three");
  b.calls.stop(1s, 30s);
  check_rests(b, 3);
}

TEST_CASE("repeats: a failure is an outcome too", "[executor][repeats]") {
  bench b;
  b.calls.start();
  const auto id = call_id::random();
  const outcome first = b.call(repeating("test::late", id)).get();
  const outcome second = b.call(repeating("test::late", id)).get();
  REQUIRE(first.is(errc::function_failed));
  REQUIRE(second.is(errc::function_failed));
  CHECK(second.failure->details() == first.failure->details());
}

TEST_CASE("repeats: who asks again while the call runs waits for it", "[executor][repeats]") {
  bench b;
  b.calls.start();
  const auto id = call_id::random();
  const auto first = b.call(repeating("test::wait", id), "one");
  REQUIRE(the_gate().wait_entered(1));
  const auto second = b.call(repeating("test::wait", id), "two");
  const auto third = b.call(repeating("test::wait", id), "three");
  CHECK(b.calls.snapshot().waiting == 2);
  the_gate().open();
  CHECK(first.get().bytes == "one");
  CHECK(second.get().bytes == "one");
  CHECK(third.get().bytes == "one");
  b.calls.stop(1s, 30s);
  CHECK(first.sink->count() == 1);
  CHECK(second.sink->count() == 1);
  CHECK(third.sink->count() == 1);
  check_rests(b, 3);
}

TEST_CASE("repeats: another function, encoding or way to ask is a duplicate",
          "[executor][repeats]") {
  bench b({.threads = 2});
  b.calls.start();
  const auto id = call_id::random();
  const auto first = b.call(repeating("test::wait", id));
  REQUIRE(the_gate().wait_entered(1));
  const auto check_all = [&] {
    CHECK(b.call(repeating("test::echo", id)).get().is(errc::duplicate_call));
    CHECK(b.call(repeating("test::wait", id), "[]", encoding::json).get().is(errc::duplicate_call));
    CHECK(b.call(named("test::wait", id)).get().is(errc::duplicate_call));
  };
  check_all();
  the_gate().open();
  CHECK_FALSE(first.get().failure);
  check_all();
  CHECK_FALSE(b.call(repeating("test::wait", id)).get().failure);
}

TEST_CASE("repeats: all who wait hear of the deadline, once", "[executor][repeats]") {
  bench b;
  b.calls.start();
  const auto id = call_id::random();
  const auto first = b.call(repeating("test::short", id));
  REQUIRE(the_gate().wait_entered(1));
  b.clock.advance(50ms);
  const auto second = b.call(repeating("test::short", id));
  b.clock.advance(50ms);
  b.calls.expire();
  CHECK(first.get().is(errc::deadline_exceeded));
  CHECK(second.get().is(errc::deadline_exceeded));
  b.clock.advance(50ms);
  b.calls.expire();
  b.calls.stop(1s, 30s);
  CHECK(first.sink->count() == 1);
  CHECK(second.sink->count() == 1);
  check_rests(b, 2);
}

TEST_CASE("repeats: each who waits has a deadline of its own", "[executor][repeats]") {
  bench b;
  b.calls.start();
  const auto id = call_id::random();
  const auto first = b.call(repeating("test::wait", id));
  REQUIRE(the_gate().wait_entered(1));
  auto head = repeating("test::wait", id);
  head.timeout = 10ms;
  const auto second = b.call(head);
  b.clock.advance(10ms);
  b.calls.expire();
  CHECK(second.get().is(errc::deadline_exceeded));
  the_gate().open();
  CHECK_FALSE(first.get().failure);
  b.calls.stop(1s, 30s);
  CHECK(second.sink->count() == 1);
  check_rests(b, 2);
}

TEST_CASE("repeats: a stop answers all who wait", "[executor][repeats]") {
  bench b;
  b.calls.start();
  const auto id = call_id::random();
  const auto first = b.call(repeating("test::wait", id));
  REQUIRE(the_gate().wait_entered(1));
  const auto second = b.call(repeating("test::wait", id));
  const auto third = b.call(repeating("test::wait", id));
  b.calls.stop(0s, 30s);
  CHECK(first.get().is(errc::cancelled));
  CHECK(second.get().failure);
  CHECK(third.get().failure);
  CHECK(first.sink->count() == 1);
  CHECK(second.sink->count() == 1);
  CHECK(third.sink->count() == 1);
  check_rests(b, 3);
}

TEST_CASE("repeats: outcomes beyond their limit are not kept, and run again",
          "[executor][repeats]") {
  dispatcher_config config{.threads = 1};
  config.bounds.remembered_bytes = 0;
  bench b(config);
  b.calls.start();
  const auto id = call_id::random();
  CHECK(b.call(repeating("test::echo", id), "one").get().bytes == "one");
  CHECK(b.call(repeating("test::echo", id), "two").get().bytes == "two");
}

TEST_CASE("repeats: what an executor repeats by itself is one call", "[executor][repeats]") {
  bench b;
  b.calls.start();
  const auto id = call_id::random();
  const std::string third_time(1, '\3');
  const outcome answer = b.call(repeating("test::stubborn", id), third_time).get();
  CHECK(answer.bytes == third_time);
  CHECK(answer.report.attempts == 3);
  CHECK(b.call(repeating("test::stubborn", id), third_time).get().report.attempts == 3);
}

TEST_CASE("repeats: a run that was answered, and goes on, has nothing to give",
          "[executor][repeats]") {
  bench b({.threads = 3});
  b.calls.start();
  const auto id = call_id::random();
  auto head = repeating("test::ignore", id);
  head.timeout = 1s;
  const auto first = b.call(head, "one");
  REQUIRE(the_gate().wait_entered(1));
  SECTION("because its time was over") { b.clock.advance(1s); }
  SECTION("because nobody came again") {
    b.calls.lose(*first.call);
    first.call->abandoned_at = b.clock.now();
    b.clock.advance(1s);
  }
  b.calls.expire();
  CHECK(first.get().failure);
  head.timeout = 300s;
  const auto second = b.call(head, "two");
  REQUIRE(the_gate().wait_entered(2));
  the_gate().open();
  CHECK(second.get().bytes == "two");
  CHECK(b.call(head, "three").get().bytes == "two");
  b.calls.stop(1s, 30s);
  check_rests(b, 3);
}

namespace {

struct body_sink final : call_sink {
  void on_answer(const call_answer& answer) noexcept override {
    held.set_value(answer.about.body.size());
  }
  std::promise<std::size_t> held;
};

}  // namespace

TEST_CASE("repeats: who asks again has no use for its body", "[executor][repeats]") {
  bench b;
  b.calls.start();
  const auto id = call_id::random();
  const auto ask = [&] {
    const std::string large(1 << 20, 'x');
    auto admitted = b.calls.admit(repeating("test::wait", id), encoding::binary, large.size());
    REQUIRE(admitted.has_value());
    auto sink = std::make_shared<body_sink>();
    b.calls.submit(*std::move(admitted), b.body_of(large), sink);
    return sink;
  };
  const auto first = b.call(repeating("test::wait", id), "one");
  REQUIRE(the_gate().wait_entered(1));
  const auto follows = ask();
  CHECK(b.calls.snapshot().bytes_in_flight == 3);
  the_gate().open();
  CHECK(follows->held.get_future().get() == 0);
  CHECK(first.get().bytes == "one");
  CHECK(ask()->held.get_future().get() == 0);
  CHECK(b.calls.snapshot().bytes_in_flight == 0);
}

TEST_CASE("repeats: outcomes that are kept make room, and go when their time is over",
          "[executor][repeats]") {
  dispatcher_config config{.threads = 1};
  config.bounds.bytes_in_flight = 1 << 20;
  bench b(config);
  b.calls.start();
  const std::string large(200 << 10, 'x');
  for (int i = 0; i < 10; ++i) {
    CHECK_FALSE(b.call(repeating("test::echo", call_id::random()), large).get().failure);
    // A quarter of all; what had to go does so after the answer, on another thread.
    CHECK(b.reaches([](const auto& now) { return now.bytes_in_flight <= 1 << 18; }));
  }
  CHECK(b.calls.expire() == b.clock.now() + 60s);
  b.clock.advance(60s);
  CHECK(b.calls.expire() == never);
  CHECK(b.reaches([](const auto& now) { return now.bytes_in_flight == 0; }));
  CHECK_FALSE(b.call(repeating("test::echo", call_id::random()), large).get().failure);
  b.calls.stop(1s, 30s);
  CHECK(b.calls.snapshot().bytes_in_flight == 0);
}

TEST_CASE("repeats: texts of failures count", "[executor][repeats]") {
  dispatcher_config config{.threads = 1};
  config.bounds.remembered_bytes = 1030;  // with what each counts, there is room for a few letters
  bench b(config);
  b.calls.start();
  const auto id = call_id::random();
  CHECK(b.call(repeating("test::late", id)).get().is(errc::function_failed));
  const auto time = b.clock.now();
  CHECK(b.call(repeating("test::late", id)).get().is(errc::function_failed));
  CHECK(b.clock.now() > time);  // it ran again
}

TEST_CASE("repeats: who asks again needs no place in the queue", "[executor][repeats]") {
  bench b;
  b.calls.start();
  const auto id = call_id::random();
  const auto first = b.call(repeating("test::narrow", id), "one");
  REQUIRE(the_gate().wait_entered(1));
  b.calls.lose(*first.call);
  const auto other = b.call("test::narrow");
  const auto another = b.call("test::narrow");
  CHECK_FALSE(b.admit("test::narrow").has_value());
  for (int i = 0; i < 20; ++i) {  // its body never comes, but it is known that somebody asks
    CHECK(b.calls.admit(repeating("test::narrow", id), encoding::binary, 3).has_value());
    CHECK_FALSE(b.calls.refusal(repeating("test::narrow", id), encoding::binary, 3));
    b.clock.advance(1s);
    b.calls.expire();
  }
  CHECK_FALSE(first.sink->is_answered());
  const auto second = b.call(repeating("test::narrow", id), "two");
  CHECK_FALSE(b.admit("test::narrow").has_value());
  the_gate().open();
  CHECK(second.get().bytes == "one");
  CHECK_FALSE(other.get().failure);
  CHECK_FALSE(another.get().failure);
  CHECK(b.admit("test::narrow").has_value());
}
