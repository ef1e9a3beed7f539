// SPDX-License-Identifier: Apache-2.0
#include "dispatch/dispatcher.hpp"
#include "unit/dispatch/fake_calls.hpp"

using namespace test;

TEST_CASE("admission: takes a call and gives a place back with its ticket",
          "[executor][admission]") {
  bench b;
  {
    const auto held = b.admit("test::echo", 100);
    REQUIRE(held.has_value());
    CHECK_FALSE((*held)->head.id.is_nil());
    CHECK(b.calls.snapshot().waiting == 1);
    CHECK(b.calls.snapshot().bytes_in_flight == 100);
  }
  CHECK(b.calls.snapshot().waiting == 0);
  CHECK(b.calls.snapshot().bytes_in_flight == 0);
}

TEST_CASE("admission: keeps the caller's id", "[executor][admission]") {
  bench b;
  auto head = head_of("test::echo");
  head.id = call_id::random();
  const auto held = b.calls.admit(head, encoding::binary, 0);
  REQUIRE(held.has_value());
  CHECK((*held)->head.id == head.id);
}

TEST_CASE("admission: names the nearest function", "[executor][admission]") {
  bench b;
  const auto refused = b.admit("test::ecko");
  REQUIRE(refused.has_error());
  CHECK(refused.error() == errc::unknown_function);
  CHECK_THAT(refused.error().message(), contains("'test::echo'"));
  CHECK(b.calls.snapshot().unknown_functions == 1);
}

TEST_CASE("admission: hints at inline name spaces", "[executor][admission]") {
  bench b;
  const auto refused = b.admit("test::__v2::echo");
  REQUIRE(refused.has_error());
  CHECK_THAT(refused.error().message(), contains("MODAL_FUNCTION_AS"));
}

TEST_CASE("admission: says that there are no functions at all", "[executor][admission]") {
  const catalog none;
  dispatcher calls(none, {});
  const auto refused = calls.admit(head_of("a::b"), encoding::binary, 0);
  REQUIRE(refused.has_error());
  CHECK_THAT(refused.error().message(), contains("executor.add"));
}

TEST_CASE("admission: compares signatures", "[executor][admission]") {
  bench b;
  auto head = head_of("test::echo");
  head.signature = signature_id::from_name("(i32) -> i32");
  const auto refused = b.calls.admit(head, encoding::binary, 0);
  REQUIRE(refused.has_error());
  CHECK(refused.error() == errc::signature_mismatch);
  CHECK(refused.error().details().signature == bytes_signature().text);

  head.signature = {};
  CHECK(b.calls.admit(head, encoding::json, 0).has_value());
  const auto missing = b.calls.admit(head, encoding::binary, 0);
  REQUIRE(missing.has_error());
  CHECK(missing.error() == errc::malformed_request);
}

TEST_CASE("admission: refuses a body one byte past its limit", "[executor][admission]") {
  bench b({.bounds = {.body_bytes = 1000, .json_body_bytes = 100}, .threads = 1});
  CHECK(b.admit("test::echo", 1000).has_value());
  const auto binary = b.admit("test::echo", 1001);
  REQUIRE(binary.has_error());
  CHECK(binary.error() == errc::too_large);
  CHECK(b.calls.admit(head_of("test::echo"), encoding::json, 100).has_value());
  const auto json = b.calls.admit(head_of("test::echo"), encoding::json, 101);
  REQUIRE(json.has_error());
  CHECK(json.error() == errc::too_large);
}

TEST_CASE("admission: refuses bodies beyond the byte budget", "[executor][admission]") {
  bench b({.bounds = {.body_bytes = 2000, .bytes_in_flight = 1000}, .threads = 1});
  const auto never_fits = b.admit("test::echo", 1001);
  REQUIRE(never_fits.has_error());
  CHECK(never_fits.error() == errc::too_large);
  {
    const auto held = b.admit("test::echo", 600);
    REQUIRE(held.has_value());
    CHECK(b.admit("test::echo", 400).has_value());
    const auto refused = b.admit("test::echo", 401);
    REQUIRE(refused.has_error());
    CHECK(refused.error() == errc::queue_full);
    CHECK(refused.error() == condition::retry_later);
    CHECK(refused.error().details().retry_after > 0ms);
  }
  CHECK(b.admit("test::echo", 1000).has_value());
}

TEST_CASE("admission: charges a body that arrives as it comes", "[executor][admission]") {
  bench b({.bounds = {.body_bytes = 900, .bytes_in_flight = 1000}, .threads = 1});
  const auto arrives = [&] {
    return b.calls.admit(head_of("test::echo"), encoding::binary, std::nullopt,
                         body_state::arriving);
  };
  int resumed = 0;
  const auto ask = [&](ticket& held, std::size_t total) {
    return b.calls.request_memory(held, total, [&] { ++resumed; });
  };
  auto oldest = arrives();
  auto younger = arrives();
  REQUIRE(oldest.has_value());
  REQUIRE(younger.has_value());
  CHECK(b.calls.snapshot().bytes_in_flight == 0);
  CHECK(ask(*oldest, 500).value());
  CHECK(ask(*oldest, 100).value());
  CHECK(b.calls.snapshot().bytes_in_flight == 500);
  CHECK(ask(*younger, 500).value());
  CHECK_FALSE(ask(*younger, 501).value());
  CHECK(ask(*oldest, 900).value());
  const auto refused = b.admit("test::echo", 0);
  REQUIRE(refused.has_error());
  CHECK(refused.error() == errc::queue_full);
  const auto past = ask(*oldest, 901);
  REQUIRE(past.has_error());
  CHECK(past.error() == errc::too_large);
  CHECK(resumed == 0);
  *oldest = ticket{};
  CHECK(resumed == 1);
  CHECK(b.calls.snapshot().bytes_in_flight == 501);
}

TEST_CASE("admission: refuses one call more than the queue holds", "[executor][admission]") {
  bench b;
  b.calls.start();
  const auto running = b.call("test::narrow");
  REQUIRE(the_gate().wait_entered(1));
  const auto first = b.call("test::narrow");
  {
    const auto second = b.admit("test::narrow");
    REQUIRE(second.has_value());
    const auto third = b.admit("test::narrow");
    REQUIRE(third.has_error());
    CHECK(third.error() == errc::queue_full);
    CHECK(third.error().details().retry_after > 0ms);
    CHECK(third.error().details().function == "test::narrow");
    CHECK(b.admit("test::echo").has_value());
  }
  CHECK(b.admit("test::narrow").has_value());
  the_gate().open();
  CHECK_FALSE(running.get().failure);
  CHECK_FALSE(first.get().failure);
}

TEST_CASE("admission: lets idle workers take more than the queue holds", "[executor][admission]") {
  bench b({.threads = 2});
  const auto a = b.admit("test::narrow");
  const auto c = b.admit("test::narrow");
  const auto d = b.admit("test::narrow");
  const auto e = b.admit("test::narrow");
  CHECK(e.has_value());
  CHECK(b.admit("test::narrow").has_error());
}

TEST_CASE("admission: refuses what cannot be done before the deadline", "[executor][admission]") {
  bench b;
  b.calls.start();
  b.call("test::slow").get();  // 10 s by the fake clock: from now on the queue knows
  const auto running = b.call("test::wait");
  REQUIRE(the_gate().wait_entered(1));
  const auto waiting = b.call("test::slow");
  auto head = head_of("test::slow");
  head.timeout = 4s;
  const auto refused = b.calls.admit(head, encoding::binary, 0);
  REQUIRE(refused.has_error());
  CHECK(refused.error() == errc::deadline_exceeded);
  head.timeout = 6s;
  CHECK(b.calls.admit(head, encoding::binary, 0).has_value());
  the_gate().open();
  waiting.get();
}

TEST_CASE("admission: refuses everything while it drains", "[executor][admission]") {
  bench b;
  b.calls.drain();
  const auto refused = b.admit("test::echo");
  REQUIRE(refused.has_error());
  CHECK(refused.error() == errc::draining);
  CHECK(refused.error().details().retry_after > 0ms);
}

TEST_CASE("admission: only asks when it is only asked", "[executor][admission]") {
  bench b;
  CHECK_FALSE(b.calls.refusal(head_of("test::echo"), encoding::binary, 10));
  CHECK(b.calls.refusal(head_of("test::nothing"), encoding::binary, 10));
  CHECK(b.calls.snapshot().waiting == 0);
  CHECK(b.calls.snapshot().refused == 0);
}

TEST_CASE("admission: takes the shortest of three time limits", "[executor][admission]") {
  bench b({.bounds = {.call_timeout = 50ms}, .threads = 1});
  const auto now = b.clock.now();
  CHECK((*b.admit("test::echo"))->deadline == now + 50ms);
  CHECK((*b.admit("test::short"))->deadline == now + 50ms);
  auto head = head_of("test::short");
  head.timeout = 7ms;
  CHECK((*b.calls.admit(head, encoding::binary, 0))->deadline == now + 7ms);
  head.timeout = std::chrono::microseconds::max();
  CHECK((*b.calls.admit(head, encoding::binary, 0))->deadline == now + 50ms);
}
