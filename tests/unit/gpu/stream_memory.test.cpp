// SPDX-License-Identifier: Apache-2.0
#include <modal/gpu/stream_memory.hpp>

#include "support/catch.hpp"
#include "support/noting_stream.hpp"

#include <cstdint>
#include <type_traits>

static_assert(std::is_same_v<modal::stream_memory::value_type, char>);

TEST_CASE("stream memory: takes from its stream and gives back to it", "[gpu][stream_memory]") {
  modal::stream_memory here;
  char* const some = here.allocate(1000);
  CHECK(reinterpret_cast<std::uintptr_t>(some) % 256 == 0);
  some[999] = 'x';
  here.deallocate(some, 1000);
  CHECK(here.allocate(0) == nullptr);
  CHECK(here == modal::stream_memory());
  const modal::stream_memory there(std::make_shared<test::noting_stream>());
  CHECK_FALSE(here == there);
}

TEST_CASE("stream memory: what cannot be had is an error with its code", "[gpu][stream_memory]") {
  modal::stream_memory here;
  try {
    (void)here.allocate(SIZE_MAX);
    FAIL("nobody has so much");
  } catch (const modal::device_error& failure) {
    CHECK(failure.code() == modal::errc::device_out_of_memory);
  }
}
