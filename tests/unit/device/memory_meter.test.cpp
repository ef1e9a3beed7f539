// SPDX-License-Identifier: Apache-2.0
#include "device/memory_meter.hpp"

#include "support/catch.hpp"

TEST_CASE("memory meter: tells the most that was taken at a time", "[device][memory_meter]") {
  modal::detail::memory_meter meter;
  meter.take(10);
  meter.take(5);
  meter.give_back(12);
  meter.take(4);
  CHECK(meter.begin() == 15);
  CHECK(meter.begin() == 0);
  // What comes from elsewhere counts for nothing.
  meter.give_back(100);
  meter.take(3);
  CHECK(meter.begin() == 3);
}
