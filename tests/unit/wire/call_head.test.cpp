// SPDX-License-Identifier: Apache-2.0
#include <modal/wire/call_head.hpp>

#include "support/catch.hpp"

TEST_CASE("call head: says nothing that nobody said", "[wire][call_head]") {
  const modal::call_head head;
  CHECK(head.id.is_nil());
  CHECK(head.signature.is_nil());
  CHECK(head.parent.is_nil());
  CHECK(head.timeout.count() == 0);
  CHECK(head.attempt == 1);
  CHECK(head.depth == 0);
  CHECK(head.depth < modal::deepest_call);
}
