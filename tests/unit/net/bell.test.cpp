// SPDX-License-Identifier: Apache-2.0
#include <modal/net/bell.hpp>

#include "support/catch.hpp"

#include <thread>

using namespace std::chrono_literals;
using modal::detail::bell;
using modal::detail::readiness;

TEST_CASE("bell: ends a wait, or the next one", "[net][bell]") {
  bell b;
  b.ring();
  b.wait(-1, readiness::none, modal::never);
  b.clear();
  b.wait(-1, readiness::none, std::chrono::steady_clock::now());  // and no other one
  std::thread ringing([&b] { b.ring(); });
  b.wait(-1, readiness::none, modal::never);
  ringing.join();
}
