// SPDX-License-Identifier: Apache-2.0
#include <modal/detail/for_each.hpp>

#include "support/catch.hpp"

#include <array>
#include <string>

#define TEST_PLUS(context, each) context + each
#define TEST_ALONE(context, each) each
#define TEST_TEN(...)                                                                        \
  __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, __VA_ARGS__, \
      __VA_ARGS__, __VA_ARGS__, __VA_ARGS__

// The list is an argument of its own, so that what it holds is expanded first.
#define TEST_LIST(...) MODAL_DETAIL_LIST(TEST_ALONE, 0, __VA_ARGS__)

TEST_CASE("for each: gives the context and one argument at a time", "[detail][for_each]") {
  constexpr std::array three{MODAL_DETAIL_LIST(TEST_PLUS, 10, 1, 2, 3)};
  CHECK(three == std::array{11, 12, 13});
  constexpr std::array one{MODAL_DETAIL_LIST(TEST_PLUS, 10, 1)};
  CHECK(one == std::array{11});
}

TEST_CASE("for each: takes three hundred arguments", "[detail][for_each]") {
  constexpr std::array<int, 300> many{TEST_LIST(TEST_TEN(TEST_TEN(1, 2, 3)))};
  CHECK(many.front() == 1);
  CHECK(many.back() == 3);
}

TEST_CASE("concat: expands before it joins", "[detail][for_each]") {
#define TEST_SUFFIX 7
  const int MODAL_DETAIL_CONCAT(value_, TEST_SUFFIX) = 1;
  CHECK(value_7 == 1);
}
