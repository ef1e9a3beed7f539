// SPDX-License-Identifier: Apache-2.0
#include <modal/gpu/device_span.hpp>

#include "support/catch.hpp"

#include <array>
#include <type_traits>

using modal::device_span;

static_assert(std::is_trivially_copyable_v<device_span<int>>);
static_assert(std::is_convertible_v<device_span<int>, device_span<const int>>);
static_assert(!std::is_convertible_v<device_span<const int>, device_span<int>>);
static_assert(!std::is_convertible_v<device_span<int>, device_span<const long>>);

TEST_CASE("device span: is a range in memory of the device", "[gpu][device_span]") {
  std::array<int, 4> there{1, 2, 3, 4};
  const device_span<int> all(there.data(), there.size());
  CHECK(all.size() == 4);
  CHECK(all.size_bytes() == 16);
  CHECK_FALSE(all.empty());
  CHECK(all[2] == 3);
  CHECK(all.end() - all.begin() == 4);
  const device_span<const int> some = all.subspan(1, 2);
  CHECK(some.data() == &there[1]);
  CHECK(some.size() == 2);
  const device_span<int> none;
  CHECK(none.empty());
  CHECK(none.data() == nullptr);
}
