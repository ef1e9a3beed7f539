// SPDX-License-Identifier: Apache-2.0
#include <modal/gpu/device_error.hpp>

#include "support/catch.hpp"

#include <type_traits>

using modal::errc;
using modal::detail::device_value;

static_assert(std::is_base_of_v<modal::call_error, modal::device_error>);

TEST_CASE("device error: is thrown for what a device lacks", "[gpu][device_error]") {
  CHECK(device_value(modal::result<int>(7)) == 7);
  device_value(modal::result<void>());
  try {
    device_value(modal::result<int>(modal::error(errc::device_out_of_memory, "full")));
    FAIL("nothing was thrown");
  } catch (const modal::device_error& thrown) {
    CHECK(thrown.reason() == errc::device_out_of_memory);
    CHECK(thrown.details().message == "full");
  }
}
