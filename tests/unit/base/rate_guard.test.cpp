// SPDX-License-Identifier: Apache-2.0
#include <modal/base/rate_guard.hpp>

#include "support/catch.hpp"

using namespace std::chrono_literals;
using namespace modal;
using modal::detail::rate_guard;

namespace {

constexpr time_point start{100s};

rate_guard guard() { return rate_guard(limits{.minimum_rate = 100, .rate_window = 10s}); }

}  // namespace

TEST_CASE("rate guard: averages over each window", "[http1][rate_guard]") {
  auto g = guard();
  CHECK(g.due() == never);
  g.begin(start);
  CHECK(g.due() == start + 10s);
  CHECK_FALSE(g.is_too_slow(start + 9s));
  g.add(1000);
  CHECK_FALSE(g.is_too_slow(start + 10s));
  CHECK(g.due() == start + 20s);
  g.add(999);
  CHECK(g.is_too_slow(start + 20s));
  g.stop();
  CHECK_FALSE(g.is_too_slow(start + 100s));
}

TEST_CASE("rate guard: does not count what its peer was kept waiting", "[http1][rate_guard]") {
  auto g = guard();
  g.begin(start);
  g.pause(start + 9s);
  CHECK(g.due() == never);
  CHECK_FALSE(g.is_too_slow(start + 1000s));
  g.resume(start + 1009s);
  CHECK(g.due() == start + 1010s);
  CHECK(g.is_too_slow(start + 1010s));
}
