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
}

TEST_CASE("schema: what only JSON shows is not in the text", "[wire][schema]") {
  const schema key{.kind = kind::text};
  CHECK(modal::to_text({.kind = kind::map, .parts = {key, key}, .repeats = true}) == "{str: str}");
}

TEST_CASE("schema: the text marks what is not written field by field", "[wire][schema]") {
  schema shape{.kind = kind::structure, .name = "s", .parts = {{.kind = kind::text}}};
  shape.by_function = true;
  CHECK(modal::to_text(shape) == "s!{str}");
  shape.layout = "#8/4";
  CHECK(modal::to_text(shape) == "s!#8/4{str}");
  CHECK(modal::to_text({.kind = kind::bits, .count = 5}) == "bits(5)");
  CHECK(modal::to_text({.kind = kind::blob, .count = 4}) == "bytes(4)");
}

TEST_CASE("schema: compares by value", "[wire][schema]") {
  const schema one{.kind = kind::integer, .bytes = 4, .is_signed = true};
  schema other = one;
  CHECK(one == other);
  other.is_signed = false;
  CHECK_FALSE(one == other);
}
