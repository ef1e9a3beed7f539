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

TEST_CASE("schema: names the members of a structure that is an object in JSON", "[wire][schema]") {
  using names = std::vector<std::string>;
  CHECK(modal::member_names({.kind = kind::structure, .labels = {"a", "", "c"}}) ==
        names{"a", "value1", "c"});
  CHECK(modal::member_names({.kind = kind::structure, .labels = {"", ""}}).empty());
  const schema plain{.kind = kind::structure, .labels = {"", ""}, .members = {"x", "y"}};
  CHECK(modal::member_names(plain) == names{"x", "y"});
}

TEST_CASE("schema: what only JSON shows is not in the text", "[wire][schema]") {
  const schema key{.kind = kind::text};
  CHECK(modal::to_text({.kind = kind::map, .parts = {key, key}, .repeats = true}) == "{str: str}");
  CHECK(modal::to_text({.kind = kind::structure,
                        .name = "s",
                        .parts = {key},
                        .labels = {""},
                        .members = {"x"}}) == "s{str}");
}

TEST_CASE("schema: compares by value", "[wire][schema]") {
  const schema one{.kind = kind::integer, .bytes = 4, .is_signed = true};
  schema other = one;
  CHECK(one == other);
  other.is_signed = false;
  CHECK_FALSE(one == other);
}
