// SPDX-License-Identifier: Apache-2.0
#include <modal/gpu/device_vector.hpp>

#include "support/catch.hpp"
#include "support/noting_stream.hpp"

#include <algorithm>
#include <type_traits>
#include <vector>

using modal::device_span;
using modal::device_vector;
using test::noting_stream;

static_assert(std::is_nothrow_move_constructible_v<device_vector<int>>);
static_assert(std::is_nothrow_move_assignable_v<device_vector<int>>);
static_assert(!std::is_copy_constructible_v<device_vector<int>>);

TEST_CASE("device vector: owns memory of the stream it was made on", "[gpu][device_vector]") {
  const auto stream = std::make_shared<noting_stream>();
  {
    device_vector<float> first(1000, stream);
    CHECK(first.size() == 1000);
    CHECK(first.size_bytes() == 4000);
    CHECK(stream->taken == 4000);
    float* const where = first.data();
    device_vector<float> second(std::move(first));
    CHECK(first.size() == 0);  // NOLINT: what was moved from is empty
    CHECK(first.data() == nullptr);
    CHECK(second.data() == where);
    device_vector<float> third(10, stream);
    CHECK(stream->taken == 4040);
    third = std::move(second);
    CHECK(third.data() == where);
    CHECK(stream->taken == 4000);
    const device_vector<float> empty(0, stream);
    CHECK(empty.empty());
  }
  CHECK(stream->taken == 0);
  CHECK(stream.use_count() == 1);
}

TEST_CASE("device vector: can be used at once outside of calls", "[gpu][device_vector]") {
  device_vector<int> numbers(5);
  const device_span<int> all = numbers;
  std::fill(all.begin(), all.end(), 7);
  const device_span<const int> seen = std::as_const(numbers);
  CHECK(std::count(seen.begin(), seen.end(), 7) == 5);
}

TEST_CASE("device vector: says when there is no memory for it", "[gpu][device_vector]") {
  const auto stream = std::make_shared<noting_stream>(100);
  const auto failure = [&](std::size_t size) {
    try {
      const device_vector<double> made(size, stream);
    } catch (const modal::call_error& thrown) {
      return thrown.reason().value();
    }
    return modal::errc::bad_configuration;
  };
  CHECK(failure(13) == modal::errc::device_out_of_memory);
  CHECK(failure(SIZE_MAX / 4) == modal::errc::device_out_of_memory);
  CHECK(stream->taken == 0);
}
