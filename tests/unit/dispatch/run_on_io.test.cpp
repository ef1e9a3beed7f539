// SPDX-License-Identifier: Apache-2.0
// Functions that run on the thread that has read their call.
#include "dispatch/dispatcher.hpp"
#include "unit/dispatch/fake_calls.hpp"

#include <memory>
#include <thread>
#include <vector>

using namespace test;

namespace {

struct io_bench : bench {
  explicit io_bench(dispatcher_config config = {.threads = 1}) : bench(std::move(config)) {
    calls.start();
  }
  std::shared_ptr<counting_sink> submit(const std::string& function, submitter who,
                                        const std::string& body = "x") {
    auto admitted = admit(function, body.size());
    REQUIRE(admitted.has_value());
    auto sink = std::make_shared<counting_sink>();
    last = calls.submit(*std::move(admitted), body_of(body), sink, who);
    return sink;
  }
  call_ptr last;
};

}  // namespace

TEST_CASE("run_on::io: a function runs where its call was read, whatever workers do",
          "[executor][dispatcher]") {
  io_bench b;
  const auto busy = b.call("test::ignore");
  REQUIRE(the_gate().wait_entered(1));
  const auto quick = b.submit("test::quick", submitter::goes_back);
  REQUIRE(quick->is_answered());
  CHECK(quick->get().bytes == "x");
  CHECK(quick->get().report.attempts == 1);
  CHECK(b.calls.snapshot().succeeded == 1);
  CHECK(b.calls.snapshot().running == 1);
  the_gate().open();
  CHECK_FALSE(busy.get().failure);
}

TEST_CASE("run_on::io: who waits for its call leaves it to a worker", "[executor][dispatcher]") {
  io_bench b;
  const auto busy = b.call("test::ignore");
  REQUIRE(the_gate().wait_entered(1));
  const auto waits = b.submit("test::quick", submitter::waits);
  CHECK_FALSE(waits->is_answered());
  the_gate().open();
  CHECK(waits->get().bytes == "x");
}

TEST_CASE("run_on::io: fails as any function does", "[executor][dispatcher]") {
  io_bench b;
  const auto failed = b.submit("test::quick_failure", submitter::goes_back);
  REQUIRE(failed->is_answered());
  CHECK(failed->get().is(errc::function_failed));
  CHECK(failed->get().failure->details().message == "pixel 7 is bad");
  CHECK(b.calls.snapshot().failed == 1);
  CHECK(b.calls.snapshot().running == 0);
}

TEST_CASE("run_on::io: a run that is repeated is a worker's", "[executor][dispatcher]") {
  io_bench b;
  const auto third = b.submit("test::quick_stubborn", submitter::goes_back, std::string(1, '\3'));
  CHECK_FALSE(third->get().failure);
  CHECK(third->get().report.attempts == 3);
}

TEST_CASE("run_on::io: one that takes long is named in the log, once in a while",
          "[executor][dispatcher]") {
  std::vector<std::string> said;
  io_bench b({.threads = 1, .log = [&said](const log_record& record) {
                said.push_back(std::string(record.function) + ": " + std::string(record.message));
              }});
  b.submit("test::quick_slow", submitter::goes_back)->get();
  REQUIRE(said.size() == 1);
  CHECK(said.front().find("test::quick_slow: ") == 0);
  CHECK(said.front().find("run_on::io") != std::string::npos);
  b.submit("test::quick_slow", submitter::goes_back)->get();
  CHECK(said.size() == 1);
  b.clock.advance(10min);
  b.submit("test::quick_slow", submitter::goes_back)->get();
  CHECK(said.size() == 2);
}

TEST_CASE("run_on::io: is for functions that need nothing else", "[function][options]") {
  CHECK_FALSE(detail::run_is_valid({.max_concurrent = 1, .run = run_on::io}));
  CHECK_FALSE(detail::run_is_valid({.run = run_on::io, .gpu = 1}));
  CHECK(detail::run_is_valid({.run = run_on::io}));
  catalog functions;
  auto on_device = describe<functions::echo>("test::device", {.run = run_on::io});
  on_device.device = device_use::host;
  CHECK(functions.add(on_device).error() == errc::bad_configuration);
}
