// SPDX-License-Identifier: Apache-2.0
#include <modal/wire/owning.hpp>

#include "support/catch.hpp"
#include "support/samples.hpp"

// What it refuses does not compile: tests/compile/fail/view_in_result.cpp, view_in_function.cpp.
TEST_CASE("owning: takes every type that is no view and has none inside", "[wire][owning]") {
  int taken = 0;
  sample::each([&taken](const char*, const auto& value) {
    modal::detail::refuse_views<std::remove_cvref_t<decltype(value)>>();
    ++taken;
  });
  CHECK(taken > 50);
}
