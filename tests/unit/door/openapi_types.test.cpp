// SPDX-License-Identifier: Apache-2.0
#include "door/openapi_types.hpp"

#include <modal/gpu/tensor.hpp>
#include <modal/wire/declare.hpp>
#include <modal/wire/make_schema.hpp>

#include "support/catch.hpp"

#include <array>
#include <map>
#include <optional>
#include <set>

using modal::detail::make_schema;
using modal::detail::openapi_types;
using modal::detail::plain_name;
using json = openapi_types::json;

namespace described {

struct node {
  int value;
  std::vector<node> kids;
};
struct report {
  int pages;
};
enum class mode { fast, exact };
MODAL_ENUM(mode, fast, exact)
template <class T>
struct pair_of {
  T first, second;
};

}  // namespace described

namespace other {
struct report {
  std::string title;
};
}  // namespace other

namespace {

std::string reference(const char* name) { return std::string("#/components/schemas/") + name; }

}  // namespace

TEST_CASE("openapi types: bytes in an array are numbers, in a list base64", "[executor][openapi]") {
  openapi_types types({});
  const json numbers = types.describe(make_schema<std::array<std::uint8_t, 3>>());
  CHECK(numbers["items"]["maximum"] == 255);
  CHECK(numbers["minItems"] == 3);
  CHECK(types.describe(make_schema<std::array<std::byte, 3>>()) == numbers);
  CHECK(types.describe(make_schema<std::vector<std::byte>>())["contentEncoding"] == "base64");
}

TEST_CASE("openapi types: a tensor has a shape and data", "[executor][openapi]") {
  openapi_types types({});
  const json floats = types.describe(make_schema<modal::tensor<float, 3>>());
  CHECK(floats["properties"]["shape"]["minItems"] == 3);
  CHECK(floats["properties"]["data"] == types.describe(make_schema<std::vector<float>>()));
  const json bytes = types.describe(make_schema<modal::tensor<std::uint8_t, 1>>());
  CHECK(bytes["properties"]["data"]["contentEncoding"] == "base64");
}

TEST_CASE("openapi types: a structure may contain itself", "[executor][openapi]") {
  openapi_types types({});
  CHECK(types.describe(make_schema<described::node>())["$ref"] == reference("node"));
  const json node = types.components()["node"];
  CHECK(node["anyOf"][0]["properties"]["kids"]["items"]["$ref"] == reference("node"));
}

TEST_CASE("openapi types: each type is one component, whatever it is called",
          "[executor][openapi]") {
  openapi_types types({"report"});
  CHECK(types.describe(make_schema<described::report>())["$ref"] == reference("report_2"));
  CHECK(types.describe(make_schema<other::report>())["$ref"] == reference("report_3"));
  CHECK(types.describe(make_schema<described::report>())["$ref"] == reference("report_2"));
  CHECK(types.describe(make_schema<described::pair_of<int>>())["$ref"] == reference("pair_of"));
  CHECK(types.describe(make_schema<described::pair_of<float>>())["$ref"] == reference("pair_of_2"));
  CHECK(types.describe(make_schema<described::mode>())["$ref"] == reference("mode"));
  CHECK(types.components()["mode"]["anyOf"][0]["enum"][1] == "exact");
  CHECK(types.components().size() == 5);
}

TEST_CASE("openapi types: sets and multisets in a structure are told apart",
          "[executor][openapi]") {
  openapi_types types({});
  types.describe(make_schema<described::pair_of<std::set<int>>>());
  types.describe(make_schema<described::pair_of<std::multiset<int>>>());
  CHECK(types.components().size() == 2);
}

TEST_CASE("openapi types: names may stand in a URL", "[executor][openapi]") {
  CHECK(plain_name("a::b") == "a.b");
  CHECK(plain_name("f<int, 3>(x*)") == "f_int__3__x__");
  CHECK(plain_name("team.v2-x") == "team.v2-x");
}
