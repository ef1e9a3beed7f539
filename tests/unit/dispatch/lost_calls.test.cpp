// SPDX-License-Identifier: Apache-2.0
// Calls whose connections are lost, and whose callers may come again.
#include "unit/dispatch/fake_calls.hpp"

using namespace test;

TEST_CASE("repeats: a call goes on when its connection is lost", "[executor][repeats]") {
  bench b;
  b.calls.start();
  const auto id = call_id::random();
  const auto first = b.call(repeating("test::wait", id));
  REQUIRE(the_gate().wait_entered(1));
  b.calls.lose(*first.call);
  CHECK(b.calls.expire() == b.clock.now() + 10s);
  const auto second = b.call(repeating("test::wait", id));
  CHECK(b.calls.expire() == b.clock.now() + 600s);  // only the deadline
  b.clock.advance(10s);
  b.calls.expire();
  CHECK_FALSE(second.sink->is_answered());
  the_gate().open();
  CHECK_FALSE(second.get().failure);
  CHECK(the_gate().stopped() == 0);
}

TEST_CASE("repeats: a lost call ends when nobody asks again", "[executor][repeats]") {
  bench b;
  b.calls.start();
  const auto id = call_id::random();
  const auto first = b.call(repeating("test::wait", id));
  REQUIRE(the_gate().wait_entered(1));
  b.calls.lose(*first.call);
  const auto second = b.call(repeating("test::wait", id));
  b.calls.lose(*second.call);
  CHECK(second.get().is(errc::cancelled));
  b.clock.advance(10s);
  b.calls.expire();
  CHECK(first.get().is(errc::cancelled));
  REQUIRE(the_gate().wait_left(1));
  CHECK(the_gate().stopped() == 1);
  b.calls.stop(1s, 30s);
  check_rests(b, 2);
}

TEST_CASE("repeats: a lost call that waits for a worker may be asked for again",
          "[executor][repeats]") {
  bench b;
  const auto id = call_id::random();
  const auto first = b.call(repeating("test::echo", id), "one");
  b.calls.lose(*first.call);
  b.clock.advance(10s);
  const auto other = b.call("test::echo");
  b.calls.start();
  CHECK_FALSE(other.get().failure);  // the worker has seen that the first is due, and passed it by
  const auto second = b.call(repeating("test::echo", id), "two");
  CHECK(second.get().bytes == "one");
  CHECK(first.get().bytes == "one");
}

TEST_CASE("repeats: one that cannot be repeated ends with its connection", "[executor][repeats]") {
  bench b;
  b.calls.start();
  const auto call = b.call(named("test::wait", call_id::random()));
  REQUIRE(the_gate().wait_entered(1));
  b.calls.lose(*call.call);
  CHECK(call.get().is(errc::cancelled));
  b.calls.expire();
  REQUIRE(the_gate().wait_left(1));
  CHECK(the_gate().stopped() == 1);
}

TEST_CASE("linger: a call goes on without its connection, and can be cancelled",
          "[executor][repeats]") {
  bench b({.threads = 3});
  const auto queued = b.call(named("test::linger", call_id::random()));
  b.calls.lose(*queued.call);
  b.calls.start();
  REQUIRE(the_gate().wait_entered(1));
  const auto running = b.call(repeating("test::linger", call_id::random()));
  const auto unwanted = b.call(named("test::linger", call_id::random()));
  REQUIRE(the_gate().wait_entered(2));
  b.calls.lose(*running.call);
  b.calls.lose(*unwanted.call);
  b.clock.advance(10s);
  b.calls.expire();
  CHECK_FALSE(running.sink->is_answered());
  b.calls.cancel(*unwanted.call);
  CHECK(unwanted.get().is(errc::cancelled));
  the_gate().open();
  CHECK_FALSE(queued.get().failure);
  CHECK_FALSE(running.get().failure);
}

TEST_CASE("linger: a call ends with its deadline all the same", "[executor][repeats]") {
  bench b;
  b.calls.start();
  const auto call = b.call(named("test::linger", call_id::random()));
  REQUIRE(the_gate().wait_entered(1));
  b.calls.lose(*call.call);
  b.clock.advance(600s);
  b.calls.expire();
  CHECK(call.get().is(errc::deadline_exceeded));
}

TEST_CASE("repeats: a call that nobody can ask for ends with its connection",
          "[executor][repeats]") {
  bench b;
  b.calls.start();
  auto head = repeating("test::wait", call_id::random());
  const bool is_named = GENERATE(true, false);
  if (!is_named) head.id = {};
  const auto call = b.call(head);
  REQUIRE(the_gate().wait_entered(1));
  if (is_named) b.calls.drain();
  b.calls.lose(*call.call);
  CHECK(call.get().is(errc::cancelled));
}

TEST_CASE("repeats: who has come again is answered, though the old connection ends while draining",
          "[executor][repeats]") {
  bench b;
  b.calls.start();
  const auto id = call_id::random();
  const auto first = b.call(repeating("test::wait", id), "one");
  REQUIRE(the_gate().wait_entered(1));
  const auto second = b.call(repeating("test::wait", id), "two");
  b.calls.drain();
  b.calls.lose(*first.call);
  CHECK_FALSE(second.sink->is_answered());
  the_gate().open();
  CHECK(second.get().bytes == "one");
  CHECK(first.get().bytes == "one");
}
