// SPDX-License-Identifier: Apache-2.0
#include <modal/client/call_run.hpp>
#include <modal/function/context.hpp>

#include "support/catch.hpp"

#include <optional>

using namespace std::chrono_literals;
using namespace modal;

namespace {

constexpr time_point begin{100s};

struct run_bench {
  explicit run_bench(call_options options = {})
      : run({.function = "f",
             .signature = &signature,
             .arguments = &arguments,
             .options = options,
             .id = id128::from_name("call")},
            {}, begin) {}

  function_signature signature;
  payload arguments;
  detail::call_run run;
};

}  // namespace

TEST_CASE("call run: takes the call's own timeout, or the client's", "[client][call_run]") {
  CHECK(run_bench().run.deadline() == begin + client_config{}.timeout);
  CHECK(run_bench({.timeout = 3s}).run.deadline() == begin + 3s);
  CHECK(run_bench({.timeout = 0s}).run.deadline() == begin);
}

TEST_CASE("call run: a request says how much time is left, never none", "[client][call_run]") {
  run_bench b({.timeout = 3s});
  b.run.machine().start(begin);
  CHECK(b.run.make_request(begin + 1s).head.timeout == 2s);
  CHECK(b.run.make_request(begin + 5s).head.timeout == 1us);
  CHECK(b.run.make_request(begin).head.attempt == 1);
}

TEST_CASE("call run: finishes an error with the call's names and its report",
          "[client][call_run]") {
  call_report report;
  run_bench b({.report = &report});
  b.run.machine().start(begin);
  const auto failure = b.run.finish(error(errc::queue_full), begin + 1s);
  CHECK(failure.details().function == "f");
  CHECK(failure.details().call_id == id128::from_name("call").to_string());
  CHECK(report.attempts == 1);
  CHECK(report.total == 1s);
}

TEST_CASE("call run: a call that a function makes ends with it, and carries its trace on",
          "[client][call_run]") {
  constexpr std::string_view trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  std::string of_function(trace);
  const call_context outer({.id = id128::from_name("outer"),
                            .depth = 1,
                            .deadline = begin + 2s,
                            .function = "outer",
                            .traceparent = of_function,
                            .device = {}});
  std::optional<detail::call_scope> inside(std::in_place, outer);
  run_bench late({.timeout = 3s});
  run_bench early({.timeout = 1s, .traceparent = "00-own"});
  inside.reset();
  of_function.clear();  // the call may outlive the function
  CHECK(late.run.deadline() == begin + 2s);
  CHECK(early.run.deadline() == begin + 1s);
  const auto head = late.run.make_request(begin).head;
  CHECK(head.traceparent == trace);
  CHECK(head.parent == id128::from_name("outer"));
  CHECK(head.depth == 2);
  CHECK(early.run.make_request(begin).head.traceparent == "00-own");
}
