// SPDX-License-Identifier: Apache-2.0
#include <modal/wire/schema.hpp>

#include "support/catch.hpp"

using modal::kind;
using modal::schema;

TEST_CASE("schema: is nothing by default", "[wire][schema]") {
  CHECK(modal::to_text(schema{}) == "void");
}

TEST_CASE("schema: prints by kind alone, without a C++ type", "[wire][schema]") {
  const schema number{.kind = kind::integer, .bytes = 2, .is_signed = true};
  CHECK(modal::to_text(number) == "i16");
  CHECK(modal::to_text({.kind = kind::list, .parts = {number}}) == "[i16]");
  CHECK(
      modal::to_text(
          {.kind = kind::structure, .name = "s", .parts = {number, number}, .labels = {"a", ""}}) ==
      "s{a: i16, i16}");
  CHECK(modal::to_text({.kind = kind::recursion, .name = "s"}) == "^s");
}

TEST_CASE("schema: compares by value", "[wire][schema]") {
  const schema one{.kind = kind::integer, .bytes = 4, .is_signed = true};
  schema other = one;
  CHECK(one == other);
  other.is_signed = false;
  CHECK_FALSE(one == other);
}
