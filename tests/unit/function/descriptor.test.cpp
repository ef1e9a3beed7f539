// SPDX-License-Identifier: Apache-2.0
#include <modal/function/descriptor.hpp>

#include "support/catch.hpp"

TEST_CASE("descriptor: is empty until filled", "[function][descriptor]") {
  const modal::function_descriptor empty;
  CHECK(empty.name.empty());
  CHECK(empty.prepare == nullptr);
  CHECK(empty.signature == nullptr);
  CHECK(empty.options == modal::function_options{});
  CHECK(empty.line == 0);
}

TEST_CASE("invocation: starts with nothing decoded, in binary", "[function][descriptor]") {
  modal::invocation call;
  CHECK(call.encoding == modal::encoding::binary);
  CHECK(call.at == modal::invocation::stage::decode);
  CHECK(call.result.envelope_size() == 0);
  CHECK(call.json.empty());
  CHECK(call.run_time.count() == 0);
}
