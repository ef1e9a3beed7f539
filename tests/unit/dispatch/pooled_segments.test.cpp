// SPDX-License-Identifier: Apache-2.0
#include "dispatch/pooled_segments.hpp"

#include "support/catch.hpp"

TEST_CASE("pooled segments: give a buffer to each segment, and all back", "[dispatch][segments]") {
  modal::buffer_pool pool;
  {
    modal::detail::pooled_segments segments(pool);
    const auto first = segments.find_room({0, 0, 100'000}, {}).value();
    const auto second = segments.find_room({3, 0, 70'000}, {}).value();
    CHECK(first.size() == 100'000);
    CHECK(second.size() == 70'000);
    CHECK(reinterpret_cast<std::uintptr_t>(first.data()) % 64 == 0);
    CHECK(reinterpret_cast<std::uintptr_t>(second.data()) % 64 == 0);
    CHECK((first.data() + first.size() <= second.data() ||
           second.data() + second.size() <= first.data()));
    CHECK(pool.retained() == 0);
  }
  CHECK(pool.retained() >= 170'000);
}
