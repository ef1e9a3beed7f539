// SPDX-License-Identifier: Apache-2.0
#include <modal/wire/declare.hpp>
#include <modal/wire/flat.hpp>
#include <modal/wire/make_schema.hpp>

#include "support/catch.hpp"
#include "support/samples.hpp"
#include "support/wire.hpp"

using modal::detail::is_bitwise;
using modal::detail::make_schema;

namespace laid_out {

struct listed {
  int a;
  float b;
  bool operator==(const listed&) const = default;
};
MODAL_FIELDS(listed, a, b)

struct reversed {
  int a;
  float b;
  bool operator==(const reversed&) const = default;
};
MODAL_FIELDS(reversed, b, a)

struct partly {
  int a;
  float b;
};
MODAL_FIELDS(partly, a)

struct twice {
  int a;
  int b;
};
MODAL_FIELDS(twice, a, a)

struct base {
  int below;
};
struct derived : base {
  int own;
};
MODAL_FIELDS(derived, below, own)

struct padded {
  std::int8_t tag;
  int value;
};
struct opted_in {
  std::int8_t tag;
  int value;
};
struct alignas(16) wide {
  float x;
};
struct around {
  wide inner;
};
struct vector3 {
  float x, y, z;
};
struct box {
  vector3 low, high;
};
struct c_array {
  std::int8_t tags[4];
  int rest;
};
MODAL_FIELDS(c_array, tags, rest)

template <class T>
std::string text() {
  return to_text(make_schema<T>());
}

}  // namespace laid_out

template <>
inline constexpr bool modal::enable_bitwise<laid_out::opted_in> = true;

using namespace laid_out;

TEST_CASE("flat: listed fields that lie in their order are, as members are", "[wire][flat]") {
  CHECK(is_bitwise<listed>);
  CHECK(is_bitwise<vector3>);
  CHECK(is_bitwise<box>);
  CHECK(is_bitwise<derived>);
  CHECK(is_bitwise<c_array>);
  CHECK(text<listed>() == "listed{a: i32, b: f32}");
  CHECK(text<c_array>() == "c_array{tags: [i8; 4], rest: i32}");
  const std::vector<listed> value{{1, 2}, {3, 4}};
  auto block = test::encode(std::vector<int>{1, 0x40000000, 3, 0x40800000});
  block[16] = std::byte{2};  // the count, of structs and not of numbers
  CHECK(test::encode(value) == block);
}

TEST_CASE("flat: fields out of order, left out or listed twice are not", "[wire][flat]") {
  CHECK_FALSE(is_bitwise<reversed>);
  CHECK_FALSE(is_bitwise<partly>);
  CHECK_FALSE(is_bitwise<twice>);
  CHECK_FALSE(is_bitwise<padded>);
}

TEST_CASE("flat: the text marks a layout that the fields do not tell", "[wire][flat]") {
  CHECK(text<reversed>() == "reversed#{b: f32, a: i32}");
  CHECK(text<partly>() == "partly#{a: i32}");
  CHECK(text<padded>() == "padded{tag: i8, value: i32}");
  CHECK(text<opted_in>() == "opted_in#8/4{tag: i8, value: i32}");
  CHECK(text<wide>() == "wide#{x: f32}");
  CHECK(text<around>() == "around{inner: wide#{x: f32}}");
  CHECK(text<box>() ==
        "box{low: vector3{x: f32, y: f32, z: f32}, high: vector3{x: f32, y: f32, z: f32}}");
}

TEST_CASE("flat: what is and what is not comes back", "[wire][flat]") {
  const std::vector<listed> listed_ones{{1, 2}, {3, 4}};
  CHECK(test::decode<std::vector<listed>>(test::encode(listed_ones)) == listed_ones);
  const std::vector<reversed> reversed_ones{{1, 2}, {3, 4}};
  CHECK(test::decode<std::vector<reversed>>(test::encode(reversed_ones)) == reversed_ones);
  const std::vector<wide> wide_ones{{1}, {2}};
  CHECK(test::decode<std::vector<wide>>(test::encode(wide_ones)).at(1).x == 2);
}
