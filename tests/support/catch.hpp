// SPDX-License-Identifier: Apache-2.0
#pragma once

// The one place that knows which Catch2 is installed: 2.13 or 3.

#if __has_include(<catch2/catch_test_macros.hpp>)

#include <catch2/benchmark/catch_benchmark.hpp>
#include <catch2/catch_approx.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/catch_version_macros.hpp>
#include <catch2/generators/catch_generators_all.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <catch2/matchers/catch_matchers_vector.hpp>

#include <string>

namespace test {
inline auto contains(const std::string& text) { return Catch::Matchers::ContainsSubstring(text); }
}  // namespace test

#if CATCH_VERSION_MAJOR > 3 || CATCH_VERSION_MINOR >= 3
#define MODAL_SKIP(text) SKIP(text)
#endif

#else

#include <catch2/catch.hpp>

#include <string>

namespace test {
inline auto contains(const std::string& text) { return Catch::Matchers::Contains(text); }
}  // namespace test

#endif

namespace test {
using Catch::Approx;
}  // namespace test

// Ends the case as skipped; before Catch2 3.3 as passed, with a warning.
#ifndef MODAL_SKIP
#define MODAL_SKIP(text)       \
  do {                         \
    WARN("skipped: " << text); \
    return;                    \
  } while (false)
#endif
