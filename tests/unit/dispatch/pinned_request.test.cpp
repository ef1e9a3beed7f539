// SPDX-License-Identifier: Apache-2.0
#include "dispatch/pinned_request.hpp"

#include "device/host/host_device.hpp"
#include "support/catch.hpp"

#include <future>

using namespace modal;
using namespace modal::detail;

namespace {

std::shared_ptr<device_slot> make_slot(std::size_t limit) {
  return std::make_shared<device_slot>(
      std::make_shared<host_device>(host_device_config{.pinned_bytes = limit}));
}

}  // namespace

TEST_CASE("pinned request: waits while memory is locked, and not for what is locked already",
          "[dispatch][segments]") {
  const auto slot = make_slot(1 << 20);
  {
    pinned_request first(slot, 100'000);
    std::promise<void> told;
    REQUIRE(first.is_waiting([&told] { told.set_value(); }));
    told.get_future().wait();
    CHECK_FALSE(first.is_waiting({}));
    CHECK(first.block() != nullptr);
  }
  pinned_request second(slot, 100'000);
  CHECK_FALSE(second.is_waiting({}));
  CHECK(second.block() != nullptr);
}

TEST_CASE("pinned request: asks once, and does without where nothing may be locked",
          "[dispatch][segments]") {
  const auto slot = make_slot(100'000);
  pinned_request request(slot, 200'000);
  CHECK_FALSE(request.is_waiting({}));
  CHECK(request.block() == nullptr);
  CHECK(slot->which().pinned().memory().used == 0);
}
