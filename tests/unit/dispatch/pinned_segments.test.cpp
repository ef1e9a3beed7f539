// SPDX-License-Identifier: Apache-2.0
#include "dispatch/pinned_segments.hpp"

#include "device/host/host_device.hpp"
#include "support/catch.hpp"

#include <future>
#include <vector>

using namespace modal;
using namespace modal::detail;

namespace {

struct segments_bench {
  explicit segments_bench(std::size_t limit)
      : slot(std::make_shared<device_slot>(
            std::make_shared<host_device>(host_device_config{.pinned_bytes = limit}))) {}

  std::unique_ptr<pinned_segments> make(std::size_t body_size) {
    return std::make_unique<pinned_segments>(slot, pool, body_size);
  }
  std::size_t used() const { return slot->which().pinned().memory().used; }

  buffer_pool pool;
  std::shared_ptr<device_slot> slot;
};

}  // namespace

TEST_CASE("pinned segments: wait while memory is locked, and then lie in one block",
          "[dispatch][segments]") {
  segments_bench b(1 << 20);
  {
    const auto segments = b.make(300'000);
    std::promise<void> told;
    CHECK(segments->find_room({0, 0, 100'001}, [&told] { told.set_value(); }).value().empty());
    told.get_future().wait();
    const auto first = segments->find_room({0, 0, 100'001}, {}).value();
    const auto second = segments->find_room({1, 0, 150'000}, {}).value();
    REQUIRE(first.size() == 100'001);
    REQUIRE(second.size() == 150'000);
    CHECK(second.data() == first.data() + 100'032);
    CHECK(segments->pinned().data() == first.data());
    CHECK(segments->pinned().size() == 250'032);
    // More than the head had said lies elsewhere.
    const auto third = segments->find_room({2, 0, 100'000}, {}).value();
    CHECK(third.size() == 100'000);
    CHECK(segments->pinned().size() == 250'032);
  }
  CHECK(b.used() == 0);
  // What is locked is there at once.
  const auto again = b.make(300'000);
  CHECK(again->find_room({0, 0, 300'000}, {}).value().size() == 300'000);
  CHECK(again->pinned().size() == 300'000);
}

TEST_CASE("pinned segments: lie elsewhere where no memory may be locked", "[dispatch][segments]") {
  segments_bench b(100'000);
  const auto segments = b.make(200'000);
  CHECK(segments->find_room({0, 0, 200'000}, {}).value().size() == 200'000);
  CHECK(segments->pinned().empty());
  CHECK(b.used() == 0);
}

TEST_CASE("pinned segments: one that has gone takes no memory with it", "[dispatch][segments]") {
  segments_bench b(1 << 20);
  std::promise<void> told;
  CHECK(b.make(300'000)->find_room({0, 0, 300'000}, [&told] { told.set_value(); }).value().empty());
  told.get_future().wait();
  CHECK(b.slot->wait_quiet(never));
  CHECK(b.used() == 0);
}
