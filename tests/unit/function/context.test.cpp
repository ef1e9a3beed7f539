// SPDX-License-Identifier: Apache-2.0
#include <modal/function/context.hpp>

#include "support/catch.hpp"

#include <thread>

using modal::call_context;
using modal::this_call;
using modal::detail::call_scope;

namespace {

call_context context_named(std::string_view function) {
  call_context::state values;
  values.function = function;
  return call_context(values);
}

}  // namespace

TEST_CASE("this_call: outside of calls has no id, deadline or stop request",
          "[function][context]") {
  const auto& outside = this_call();
  CHECK(outside.id().is_nil());
  CHECK(outside.attempt() == 1);
  CHECK(outside.deadline() == modal::never);
  CHECK_FALSE(outside.stop_token().stop_possible());
  CHECK_FALSE(outside.stop_requested());
  CHECK(outside.function().empty());
  CHECK(outside.traceparent().empty());
}

TEST_CASE("this_call: gives what the call was started with", "[function][context]") {
  modal::detail::lazy_stop stop;
  call_context::state values;
  values.id = modal::id128::random();
  values.attempt = 3;
  values.deadline = modal::time_point(std::chrono::seconds(5));
  values.stop = &stop;
  values.function = "demo::f";
  values.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const call_context context(values);
  const call_scope scope(context);
  CHECK(&this_call() == &context);
  CHECK(this_call().id() == values.id);
  CHECK(this_call().attempt() == 3);
  CHECK(this_call().deadline() == values.deadline);
  CHECK(this_call().traceparent() == "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  CHECK_FALSE(this_call().stop_requested());
  const auto token = this_call().stop_token();
  CHECK_FALSE(token.stop_requested());
  stop.request()->request_stop();
  CHECK(token.stop_requested());
  CHECK(this_call().stop_requested());
}

TEST_CASE("call scopes: nest", "[function][context]") {
  const auto outer = context_named("outer");
  const auto inner = context_named("inner");
  {
    const call_scope first(outer);
    {
      const call_scope second(inner);
      CHECK(this_call().function() == "inner");
    }
    CHECK(this_call().function() == "outer");
  }
  CHECK(this_call().function().empty());
}

TEST_CASE("call scopes: end with an exception too", "[function][context]") {
  const auto context = context_named("thrower");
  try {
    const call_scope scope(context);
    throw 1;
  } catch (int) {
  }
  CHECK(this_call().function().empty());
}

TEST_CASE("call scopes: are of one thread", "[function][context]") {
  const auto context = context_named("mine");
  const call_scope scope(context);
  std::string seen = "unset";
  std::jthread([&seen] { seen = this_call().function(); }).join();
  CHECK(seen.empty());
}

TEST_CASE("call context: its log lines carry the call", "[function][context]") {
  std::vector<std::string> lines;
  const modal::log_sink sink = [&lines](const modal::log_record& record) {
    lines.push_back(modal::to_text(record));
  };
  call_context::state values;
  values.id.bytes[15] = 7;
  values.function = "demo::f";
  values.sink = &sink;
  const call_context context(values);
  context.log("half done");
  context.log(modal::log_level::warning, "late");
  REQUIRE(lines.size() == 2);
  CHECK_THAT(lines[0], test::contains("level=info call=00000000000000000000000000000007 "
                                      "function=demo::f msg=\"half done\""));
  CHECK_THAT(lines[1], test::contains("level=warning"));
}

TEST_CASE("this_call: outside of calls there is memory too, and no device", "[function][context]") {
  const auto& outside = this_call();
  CHECK(outside.device().name.empty());
  CHECK(outside.stream().is_host());
  const modal::device_span<double> some = outside.scratch<double>(10);
  REQUIRE(some.size() == 10);
  some[9] = 1;
  auto memory = outside.memory();
  memory.deallocate(memory.allocate(10), 10);
  CHECK_THROWS_AS(outside.scratch<double>(SIZE_MAX), modal::device_error);
}
