// SPDX-License-Identifier: Apache-2.0
#include <modal/client/call_fsm.hpp>

#include "support/catch.hpp"

using namespace std::chrono_literals;
using namespace modal;
using kind = call_fsm::action::kind;

namespace {

constexpr time_point start{100s};
constexpr time_point deadline = start + 60s;

error busy(std::chrono::milliseconds wait = 0ms) {
  error reason(errc::queue_full);
  reason.details().retry_after = wait;
  return reason;
}

}  // namespace

TEST_CASE("call machine: sends, and ends with the answer", "[client][call_fsm]") {
  call_fsm machine({}, deadline, 1);
  CHECK(machine.start(start).what == kind::send);
  CHECK(machine.attempt() == 1);
  const auto end = machine.on_answer();
  CHECK(end.what == kind::finish);
  CHECK(!end.reason.code());
}

TEST_CASE("call machine: repeats what may be repeated, as often as allowed", "[client][call_fsm]") {
  call_fsm machine({.retries = 2}, deadline, 7);
  machine.start(start);
  for (int attempt = 1; attempt <= 2; ++attempt) {
    CHECK(machine.on_failure(busy(), attempt_progress::sent, start).what == kind::wait);
    CHECK(machine.on_wake(start).what == kind::send);
  }
  CHECK(machine.attempt() == 3);
  const auto end = machine.on_failure(busy(), attempt_progress::sent, start);
  CHECK(end.what == kind::finish);
  CHECK(end.reason == errc::queue_full);
}

TEST_CASE("call machine: repeats a lost call only where nothing can have run",
          "[client][call_fsm]") {
  const error lost(errc::connection_lost);
  call_fsm careful({}, deadline, 1);
  careful.start(start);
  CHECK(careful.on_failure(lost, attempt_progress::sent, start).what == kind::finish);
  call_fsm unsent({}, deadline, 1);
  unsent.start(start);
  CHECK(unsent.on_failure(lost, attempt_progress::not_sent, start).what == kind::wait);
  call_fsm bold({.lost = on_lost::repeat}, deadline, 1);
  bold.start(start);
  CHECK(bold.on_failure(lost, attempt_progress::sent, start).what == kind::wait);
}

TEST_CASE("call machine: repeats no other error", "[client][call_fsm]") {
  for (const errc value : {errc::unknown_function, errc::signature_mismatch, errc::too_large,
                           errc::function_failed, errc::cancelled, errc::deadline_exceeded}) {
    call_fsm machine({.lost = on_lost::repeat}, deadline, 1);
    machine.start(start);
    const auto end = machine.on_failure(error(value), attempt_progress::not_sent, start);
    CHECK(end.what == kind::finish);
    CHECK(end.reason == value);
  }
}

TEST_CASE("call machine: draws its waits from the whole range", "[client][call_fsm]") {
  duration longest{0};
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    call_fsm machine({.retries = 9, .retry_delay = 100ms}, deadline, seed << 20);
    machine.start(start);
    for (int n = 0; n < 4; ++n) {
      const auto wait = machine.on_failure(busy(), attempt_progress::sent, start).until - start;
      CHECK(wait >= 0ns);
      CHECK(wait <= 100ms * (1 << n));
      longest = std::max<duration>(longest, wait);
      machine.on_wake(start);
    }
  }
  CHECK(longest > 400ms);
}

TEST_CASE("call machine: waits at least as long as the executor asks", "[client][call_fsm]") {
  call_fsm machine({.retry_delay = 1ms}, deadline, 3);
  machine.start(start);
  CHECK(machine.on_failure(busy(2s), attempt_progress::sent, start).until >= start + 2s);
}

TEST_CASE("call machine: begins no wait that ends after the deadline", "[client][call_fsm]") {
  call_fsm machine({}, deadline, 3);
  machine.start(start);
  const auto end = machine.on_failure(busy(61s), attempt_progress::sent, start);
  CHECK(end.what == kind::finish);
  CHECK(end.reason == errc::queue_full);
}

TEST_CASE("call machine: ends at the deadline and when cancelled", "[client][call_fsm]") {
  call_fsm late({}, start, 3);
  CHECK(late.start(start).reason == errc::deadline_exceeded);
  call_fsm machine({}, deadline, 3);
  machine.start(start);
  CHECK(machine.on_deadline().reason == errc::deadline_exceeded);
  CHECK(machine.on_cancel().reason == errc::cancelled);
  CHECK(machine.on_wake(deadline).reason == errc::deadline_exceeded);
}

TEST_CASE("call fsm: does not repeat a call whose function may have begun on a device",
          "[client][call_fsm]") {
  modal::call_fsm machine({.retries = 3}, modal::never, 1);
  const modal::time_point now{};
  (void)machine.start(now);
  const auto next = machine.on_failure({modal::errc::device_out_of_memory, "full"},
                                       modal::attempt_progress::sent, now);
  CHECK(next.what == modal::call_fsm::action::kind::finish);
  CHECK(next.reason == modal::errc::device_out_of_memory);
}
