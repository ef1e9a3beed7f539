// SPDX-License-Identifier: Apache-2.0
// Two ends of a session, driven by the input: calls, cancels, answers in another order, bytes that
// are moved in any cuts, ends that go away or are lost. Each call must end, and once; and neither
// end breaks the rules, as the other one sees them.
#include "support/session_pair.hpp"

#include <cstdio>

namespace {

[[noreturn]] void fail(const char* why) {
  std::fprintf(stderr, "%s\n", why);
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  test::session_pair both;
  test::session_pair::current = &both;
  bool is_cut_short = false;  // then it may have ended in the middle of something
  for (std::size_t i = 0; i + 1 < size && i < 2000; i += 2) {
    const std::size_t value = data[i + 1];
    switch (data[i] % 12) {
      case 0:
      case 1: {
        if (!both.at_caller.is_ready() || both.at_caller.is_going() || both.caller.is_over) break;
        const char* const names[] = {"echo", "echo", "fails", "refused"};
        both.caller.call(names[value % 4], std::string(value * value / 8, static_cast<char>(value)),
                         both.now);
        break;
      }
      case 2:
        if (!both.caller.outcomes.empty() && !both.caller.is_over)
          both.caller.cancel(value % both.caller.outcomes.size());
        break;
      case 3:
        both.executor.holds_answers = true;
        break;
      case 4:
        std::reverse(both.executor.held.begin(), both.executor.held.end());
        both.executor.answer_held();
        break;
      case 5:
      case 6:
      case 7:
        test::session_pair::move(both.at_caller, both.at_executor, 1 + value * value, both.now);
        break;
      case 8:
      case 9:
      case 10:
        test::session_pair::move(both.at_executor, both.at_caller, 1 + value * value, both.now);
        break;
      case 11:
        if (value < 4) both.at_executor.go_away("fuzzed", both.now);
        is_cut_short |= value == 4 || value == 5 || value > 250;
        if (value == 4) both.at_caller.on_end();
        if (value == 5) both.at_executor.on_end();
        if (value > 250) {
          both.now += std::chrono::milliseconds(900);
          both.at_caller.on_time(both.now);
          both.at_executor.on_time(both.now);
        }
        break;
    }
    both.caller.take(both.now);
    both.executor.take(both.now);
  }
  both.executor.answer_held();
  both.settle();
  if (both.executor.is_over && !both.caller.is_over) {
    both.at_caller.on_end();
    both.settle();
  }
  if (both.caller.is_over && !both.executor.is_over) {
    both.at_executor.on_end();
    both.settle();
  }
  for (const auto* end : {&both.at_caller, &both.at_executor})
    if (!is_cut_short && end->is_over() && end->failure() != modal::errc::connection_lost)
      fail(end->failure().details().message.c_str());
  for (const auto& each : both.caller.outcomes) {
    if (each->times != 1) fail("a call that did not end just once");
    if (each->what == test::session_outcome::kind::result && each->text != each->arguments)
      fail("another call's answer");
  }
  if (both.caller.is_over) return 0;
  if (both.at_caller.open_calls() != 0 || both.at_executor.open_calls() != 0)
    fail("a number that is lost");
  if (!both.executor.results.empty()) fail("memory that is kept");
  return 0;
}
