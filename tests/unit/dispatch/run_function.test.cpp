// SPDX-License-Identifier: Apache-2.0
#include "dispatch/dispatcher_core.hpp"
#include "unit/dispatch/fake_calls.hpp"

using namespace test;

namespace {

outcome run(const std::string& function, dispatcher_config config = {.threads = 1}) {
  bench b(std::move(config));
  b.calls.start();
  return b.call(function).get();
}

}  // namespace

TEST_CASE("run function: reports an exception with its type and text", "[dispatch][run_function]") {
  const outcome answer = run("test::throw_pixel");
  REQUIRE(answer.is(errc::function_failed));
  const diagnostics& details = answer.failure->details();
  CHECK(details.message == "pixel 7 is bad");
  CHECK(details.exception_type == "test::bad_pixel");
  CHECK(details.function == "test::throw_pixel");
  CHECK(details.call_id.size() == 32);
}

TEST_CASE("run function: reports what is thrown and is no std::exception",
          "[dispatch][run_function]") {
  const outcome answer = run("test::throw_int");
  REQUIRE(answer.is(errc::function_failed));
  CHECK(answer.failure->details().exception_type == "int");
}

TEST_CASE("run function: tells a failed inner call from its own failure",
          "[dispatch][run_function]") {
  const outcome answer = run("test::throw_remote");
  REQUIRE(answer.is(errc::function_failed));
  CHECK(answer.failure->details().exception_type == "modal::call_error");
  CHECK_THAT(answer.failure->details().message, contains("another executor was busy"));
}

TEST_CASE("run function: counts memory that a function lacks as its failure",
          "[dispatch][run_function]") {
  const outcome answer = run("test::throw_memory");
  REQUIRE(answer.is(errc::function_failed));
  CHECK(answer.failure->details().exception_type == "std::bad_alloc");
}

TEST_CASE("run function: blames the caller for what does not decode", "[dispatch][run_function]") {
  CHECK(run("test::decode_fails").is(errc::malformed_payload));
  CHECK(run("test::decode_too_large").is(errc::too_large));
  const outcome other = run("test::decode_throws");
  REQUIRE(other.is(errc::malformed_payload));
  CHECK(other.failure->details().message == "a load function threw");
}

TEST_CASE("run function: blames the function for what does not encode",
          "[dispatch][run_function]") {
  CHECK(run("test::encode_throws").is(errc::function_failed));
  CHECK(run("test::encode_fails").is(errc::result_too_large));
}

TEST_CASE("run function: refuses a result one byte past the limit", "[dispatch][run_function]") {
  // 2000 bytes in an envelope behind a head of 16.
  CHECK_FALSE(run("test::big", {.bounds = {.body_bytes = 2016}, .threads = 1}).failure);
  CHECK(
      run("test::big", {.bounds = {.body_bytes = 2015}, .threads = 1}).is(errc::result_too_large));
  bench b({.bounds = {.json_body_bytes = 1999}, .threads = 1});
  b.calls.start();
  CHECK(b.call(head_of("test::big"), "", encoding::json).get().is(errc::result_too_large));
}

TEST_CASE("run function: writes a result only for somebody who still wants it",
          "[dispatch][run_function]") {
  results_written = 0;
  bench b;
  b.calls.start();
  auto late = b.call("test::gated");
  REQUIRE(the_gate().wait_entered(1));
  b.calls.cancel(*late.call);
  CHECK(late.get().is(errc::cancelled));
  the_gate().open();
  CHECK(b.call("test::gated").get().bytes == "abc");
  CHECK(results_written == 1);
  CHECK(late.sink->count() == 1);
}
