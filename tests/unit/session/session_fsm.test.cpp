// SPDX-License-Identifier: Apache-2.0
#include <modal/session/session_fsm.hpp>

#include "support/catch.hpp"
#include "support/session_pair.hpp"

using namespace std::chrono_literals;
using test::session_kind;
using test::session_pair;
using outcome = test::session_outcome::kind;

namespace {

std::string letters(std::size_t size, unsigned seed = 1) {
  std::string text(size, ' ');
  for (char& each : text) {
    seed = seed * 1'103'515'245U + 12'345U;
    each = static_cast<char>('a' + (seed >> 16U) % 26);
  }
  return text;
}

struct ready_pair : session_pair {
  ready_pair() { settle(); }
};

}  // namespace

TEST_CASE("session: both ends learn what the other one is like", "[session][session_fsm]") {
  ready_pair both;
  CHECK(both.at_caller.is_ready());
  CHECK(both.at_executor.is_ready());
  CHECK(both.at_caller.peer().calls == 8);
  CHECK(both.at_executor.peer().credit == 512);
}

TEST_CASE("session: calls of any size are answered, each with its own, however the bytes are cut",
          "[session][session_fsm]") {
  const std::size_t step = GENERATE(std::size_t{1}, std::size_t{333}, SIZE_MAX);
  ready_pair both;
  for (int round = 0; round < 3; ++round) {
    for (const int size : {0, 15, 16, 1023, 1024, 1025, 9000, 40'000})
      REQUIRE(both.caller.call(
          "echo", letters(static_cast<std::size_t>(size), static_cast<unsigned>(round)), both.now));
    both.settle(step);
  }
  REQUIRE(both.caller.outcomes.size() == 24);
  for (const auto& each : both.caller.outcomes) {
    CHECK(each->what == outcome::result);
    CHECK(each->times == 1);
    CHECK(each->is_sent);
    CHECK(each->text == each->arguments);
  }
  CHECK(both.at_caller.open_calls() == 0);
  CHECK(both.at_executor.open_calls() == 0);
  CHECK(both.executor.results.empty());
  CHECK(both.at_caller.is_idle());
  CHECK(both.at_executor.is_idle());
}

TEST_CASE("session: memory that a burst took is given back", "[session][session_fsm]") {
  ready_pair both;
  const auto at_rest = both.at_executor.prepare().size();
  for (int i = 0; i < 8; ++i) REQUIRE(both.caller.call("echo", letters(1000), both.now));
  // All room is filled before any of it is looked at.
  const auto room = both.at_executor.prepare();
  const auto first = both.at_caller.batch().front();
  REQUIRE(first.size() > room.size());
  std::memcpy(room.data(), first.data(), room.size());
  both.at_executor.on_bytes(room.size(), both.now);
  both.at_caller.note_written(room.size(), both.now);
  (void)both.at_executor.prepare();
  both.settle();
  REQUIRE(both.at_executor.is_idle());
  REQUIRE(both.at_executor.prepare().size() > at_rest);
  both.at_executor.trim();
  CHECK(both.at_executor.prepare().size() == at_rest);
  both.at_executor.trim();
  both.at_caller.trim();
  REQUIRE(both.caller.call("echo", "after", both.now));
  both.settle();
  CHECK(both.caller.outcomes.back()->text == "after");
}

TEST_CASE("session: no more calls are under way than the executor allows",
          "[session][session_fsm]") {
  ready_pair both;
  both.executor.holds_answers = true;
  for (int i = 0; i < 8; ++i) REQUIRE(both.caller.call("echo", "x", both.now));
  CHECK_FALSE(both.caller.call("echo", "x", both.now));
  both.settle();
  both.executor.answer_held();
  both.settle();
  CHECK(both.caller.call("echo", "x", both.now));
}

TEST_CASE("session: a small call passes a large one", "[session][session_fsm]") {
  ready_pair both;
  const auto large = both.caller.call("echo", letters(500'000), both.now);
  session_pair::current = &both;
  for (int i = 0; i < 20; ++i) {
    session_pair::move(both.at_caller, both.at_executor, 2000, both.now);
    session_pair::move(both.at_executor, both.at_caller, 2000, both.now);
  }
  const auto small = both.caller.call("echo", "quick", both.now);
  for (int i = 0; i < 200 && both.caller.outcomes[*small]->times == 0; ++i) {
    session_pair::move(both.at_caller, both.at_executor, 2000, both.now);
    session_pair::move(both.at_executor, both.at_caller, 2000, both.now);
  }
  CHECK(both.caller.outcomes[*small]->what == outcome::result);
  CHECK(both.caller.outcomes[*large]->what == outcome::none);
  both.settle();
  CHECK(both.caller.outcomes[*large]->text == letters(500'000));
}

TEST_CASE("session: a refusal ends a large call before its arguments are sent",
          "[session][session_fsm]") {
  ready_pair both;
  const auto refused = both.caller.call("refused", letters(500'000), both.now);
  both.settle();
  CHECK(both.caller.outcomes[*refused]->what == outcome::failed);
  CHECK(both.at_caller.is_sent(*both.caller.outcomes[*refused]->number));
  CHECK(both.at_caller.open_calls() == 0);
  CHECK(both.at_executor.open_calls() == 0);
}

TEST_CASE("session: a call that is cancelled at any step ends once, and harms no other",
          "[session][session_fsm]") {
  const std::size_t size = GENERATE(std::size_t{3}, std::size_t{20'000});
  for (int steps = 0; steps < 200; ++steps) {
    ready_pair both;
    session_pair::current = &both;
    const auto other = both.caller.call("echo", letters(3000, 5), both.now);
    const auto which = both.caller.call("echo", letters(size), both.now);
    for (int i = 0; i < steps; ++i) {
      session_pair::move(both.at_caller, both.at_executor, 200, both.now);
      session_pair::move(both.at_executor, both.at_caller, 200, both.now);
    }
    both.caller.cancel(*which);
    both.settle(100);
    const auto after = both.caller.call("echo", "after", both.now);
    both.settle();
    REQUIRE(both.caller.outcomes[*which]->times == 1);
    REQUIRE(both.caller.outcomes[*other]->text == letters(3000, 5));
    REQUIRE(both.caller.outcomes[*after]->text == "after");
    REQUIRE(both.at_caller.open_calls() == 0);
    REQUIRE(both.at_executor.open_calls() == 0);
    REQUIRE(both.executor.results.empty());
  }
}

TEST_CASE("session: memory of a cancelled call is not looked at once it is sent",
          "[session][session_fsm]") {
  ready_pair both;
  session_pair::current = &both;
  both.executor.credit_step = 1 << 20;
  const auto which = both.caller.call("echo", letters(5000), both.now);
  session_pair::move(both.at_caller, both.at_executor, SIZE_MAX, both.now);
  session_pair::move(both.at_executor, both.at_caller, SIZE_MAX, both.now);  // credit
  const auto parts = both.at_caller.batch();                                 // being written
  REQUIRE(parts.size() > 2);
  const auto room = both.at_executor.prepare();
  std::memcpy(room.data(), parts.front().data(), parts.front().size());
  const auto number = *both.caller.outcomes[*which]->number;
  both.caller.cancel(*which);
  CHECK_FALSE(both.at_caller.is_sent(number));
  both.at_executor.on_bytes(parts.front().size(), both.now);
  both.at_caller.note_written(parts.front().size(), both.now);
  while (both.at_caller.next().what != session_kind::wait) {
  }
  CHECK(both.at_caller.is_sent(number));
  std::fill(both.caller.outcomes[*which]->arguments.begin(),
            both.caller.outcomes[*which]->arguments.end(), '!');
  both.settle();
  CHECK(both.executor.under_way[number].arguments.find('!') == std::string::npos);
  CHECK(both.at_executor.open_calls() == 0);
}

TEST_CASE("session: who goes away says what it has not looked at", "[session][session_fsm]") {
  ready_pair both;
  both.executor.holds_answers = true;
  const auto seen = both.caller.call("echo", "seen", both.now);
  both.settle();
  both.at_executor.go_away("for a test", both.now);
  const auto crossing = both.caller.call("echo", "crossing", both.now);
  const auto large = both.caller.call("echo", letters(5000), both.now);
  both.settle();
  CHECK(both.caller.outcomes[*crossing]->what == outcome::unseen);
  CHECK(both.caller.outcomes[*large]->what == outcome::unseen);
  CHECK(both.caller.outcomes[*seen]->what == outcome::none);
  CHECK(both.at_caller.is_going());
  CHECK(both.executor.calls == 1);
  both.executor.answer_held();
  both.settle();
  CHECK(both.caller.outcomes[*seen]->what == outcome::result);
  CHECK(both.at_executor.open_calls() == 0);
}

TEST_CASE("session: its end is the end of its calls", "[session][session_fsm]") {
  ready_pair both;
  both.executor.holds_answers = true;
  const auto which = both.caller.call("echo", "x", both.now);
  both.settle();
  both.at_caller.on_end();
  both.settle();
  CHECK(both.caller.outcomes[*which]->what == outcome::lost);
  CHECK(both.at_caller.failure() == modal::errc::connection_lost);
}

TEST_CASE("session: each end asks whether the other one is there", "[session][session_fsm]") {
  ready_pair both;
  both.executor.holds_answers = true;
  const auto which = both.caller.call("echo", "x", both.now);
  both.settle();
  SECTION("and goes on if it is") {
    for (int i = 0; i < 10; ++i) {
      both.now += 1s;
      CHECK(both.at_caller.due() <= both.now);
      both.at_caller.on_time(both.now);
      both.at_executor.on_time(both.now);
      both.settle();
    }
    CHECK_FALSE(both.at_caller.is_over());
    both.executor.answer_held();
    both.settle();
    CHECK(both.caller.outcomes[*which]->what == outcome::result);
  }
  SECTION("and ends if it is not") {
    both.now += 1s;
    both.at_caller.on_time(both.now);
    CHECK_FALSE(both.at_caller.is_over());
    CHECK(both.at_caller.due() == both.now + 2s);
    both.now += 2s;
    both.at_caller.on_time(both.now);
    CHECK(both.at_caller.is_over());
    CHECK(both.at_caller.failure() == modal::errc::connection_lost);
  }
}

TEST_CASE("session: without calls it is left to its idle time", "[session][session_fsm]") {
  ready_pair both;
  CHECK(both.at_caller.due() == modal::never);
  CHECK(both.at_executor.due() == both.now + 75s);
  both.now += 75s;
  both.at_executor.on_time(both.now);
  both.settle();
  CHECK(both.at_caller.is_going());
}
