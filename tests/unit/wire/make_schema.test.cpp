// SPDX-License-Identifier: Apache-2.0
#include <modal/wire/make_schema.hpp>

#include "support/catch.hpp"
#include "support/samples.hpp"

using modal::kind;
using modal::detail::make_schema;

TEST_CASE("make_schema: a struct has its fields, and their names where known",
          "[wire][make_schema]") {
  const auto named = make_schema<sample::named>();
  CHECK(named.kind == kind::structure);
  CHECK(named.name == "named");
  CHECK(named.labels == std::vector<std::string>{"a", "b", "c"});
  REQUIRE(named.parts.size() == 3);
  CHECK(named.parts[2].kind == kind::optional);
  const auto plain = make_schema<sample::extent>();
  CHECK(plain.labels == std::vector<std::string>{"width", "height"});
  CHECK(plain.parts.size() == 2);
}

TEST_CASE("make_schema: an enumeration has values and names", "[wire][make_schema]") {
  const auto mode = make_schema<sample::mode>();
  CHECK(mode.kind == kind::enumeration);
  CHECK(mode.labels == std::vector<std::string>{"fast", "exact"});
  CHECK(mode.values == std::vector<std::int64_t>{0, 1});
  CHECK(make_schema<sample::level>().labels.empty());
}

TEST_CASE("make_schema: a recursion ends at the struct's name", "[wire][make_schema]") {
  const auto node = make_schema<sample::node>();
  REQUIRE(node.parts.size() == 2);
  CHECK(node.parts[1].kind == kind::list);
  CHECK(node.parts[1].parts.at(0).kind == kind::recursion);
  CHECK(node.parts[1].parts.at(0).name == "node");
}

TEST_CASE("make_schema: a struct twice beside itself is no recursion", "[wire][make_schema]") {
  const auto both = make_schema<std::pair<sample::extent, sample::extent>>();
  CHECK(both.parts.at(1).kind == kind::structure);
}

TEST_CASE("make_schema: knows where a key may come again", "[wire][make_schema]") {
  CHECK_FALSE(make_schema<std::map<int, int>>().repeats);
  CHECK(make_schema<std::multimap<int, int>>().repeats);
  CHECK_FALSE(make_schema<std::unordered_set<int>>().repeats);
  CHECK(make_schema<std::multiset<int>>().repeats);
}

TEST_CASE("make_schema: is the same each time", "[wire][make_schema]") {
  sample::each([](const char* name, const auto& value) {
    INFO(name);
    using type = std::remove_cvref_t<decltype(value)>;
    CHECK(make_schema<type>() == make_schema<type>());
    CHECK_FALSE(to_text(make_schema<type>()).empty());
  });
}
