// SPDX-License-Identifier: Apache-2.0
#include <modal/wire/type_name.hpp>

#include "support/catch.hpp"

#include <string>

using namespace modal::detail;

namespace spelt {

int function(int value) { return value; }
inline constexpr auto lambda = [](int value) { return value; };
struct plain {};
template <class T>
struct templated {
  struct inner {};
};
inline namespace v2 {
struct newer {};
}  // namespace v2

}  // namespace spelt

TEST_CASE("function_name: is qualified, of functions and named lambdas", "[wire][type_name]") {
  CHECK(function_name<spelt::function>() == "spelt::function");
  CHECK(function_name<spelt::lambda>() == "spelt::lambda");
}

TEST_CASE("type_name: is qualified", "[wire][type_name]") {
  CHECK(type_name<spelt::plain>() == "spelt::plain");
  CHECK(type_name<int>() == "int");
}

TEST_CASE("unqualified_type_name: leaves out name spaces and arguments", "[wire][type_name]") {
  CHECK(unqualified_type_name<spelt::plain>() == "plain");
  CHECK(unqualified_type_name<spelt::newer>() == "newer");
  CHECK(unqualified_type_name<spelt::templated<spelt::plain>>() == "templated");
  CHECK(unqualified_type_name<spelt::templated<int>::inner>() == "inner");
}

TEST_CASE("is_portable_name: refuses what compilers spell differently", "[wire][type_name]") {
  CHECK(is_portable_name("a::b"));
  CHECK_FALSE(is_portable_name(""));
  CHECK_FALSE(is_portable_name("a::b<int>"));
  CHECK_FALSE(is_portable_name("{anonymous}::b"));
  CHECK_FALSE(is_portable_name("(anonymous namespace)::b"));
  CHECK_FALSE(is_portable_name("unsigned int"));
}
