// SPDX-License-Identifier: Apache-2.0
#include <modal/base/clock.hpp>

#include "support/catch.hpp"

using namespace std::chrono_literals;

TEST_CASE("real clock: never goes back", "[base][clock]") {
  const auto& clock = modal::real_clock();
  auto last = clock.now();
  for (int i = 0; i < 1000; ++i) {
    const auto next = clock.now();
    REQUIRE(next >= last);
    last = next;
  }
}

TEST_CASE("real clock: is one object", "[base][clock]") {
  CHECK(&modal::real_clock() == &modal::real_clock());
}

TEST_CASE("saturating_add: adds where there is room", "[base][clock]") {
  const modal::time_point start{5s};
  CHECK(modal::saturating_add(start, 3s) == modal::time_point{8s});
  CHECK(modal::saturating_add(start, 0s) == start);
  CHECK(modal::saturating_add(start, -3s) == modal::time_point{2s});
}

TEST_CASE("saturated: stops where nanoseconds end", "[base][clock]") {
  CHECK(modal::saturated(3ms) == 3'000'000ns);
  CHECK(modal::saturated(-3h) == -3h);
  CHECK(modal::saturated(std::chrono::milliseconds::max()) == modal::duration::max());
  CHECK(modal::saturated(std::chrono::hours::max()) == modal::duration::max());
  CHECK(modal::saturated(std::chrono::hours::min()) == modal::duration::min());
  CHECK(modal::saturated(modal::duration::max()) == modal::duration::max());
}

TEST_CASE("saturating_add: stops at never", "[base][clock]") {
  const modal::time_point start{5s};
  CHECK(modal::saturating_add(start, modal::duration::max()) == modal::never);
  CHECK(modal::saturating_add(start, std::chrono::milliseconds::max()) == modal::never);
  CHECK(modal::saturating_add(start, std::chrono::hours::max()) == modal::never);
  CHECK(modal::saturating_add(modal::never, 1ns) == modal::never);
  CHECK(modal::saturating_add(modal::never - 2ns, 1ns) == modal::never - 1ns);
}
