// SPDX-License-Identifier: Apache-2.0
#include <modal/gpu/tensor.hpp>

#include "support/catch.hpp"
#include "support/noting_stream.hpp"

#include <numeric>
#include <vector>

using modal::tensor;
using modal::tensor_view;
using test::noting_stream;

TEST_CASE("tensor view: finds elements by its strides", "[gpu][tensor]") {
  std::vector<int> values(24);
  std::iota(values.begin(), values.end(), 0);
  const tensor_view<int, 3> dense(values.data(), {2, 3, 4});
  CHECK(dense.size() == 24);
  CHECK(dense.is_dense());
  CHECK(dense.strides() == std::array<std::ptrdiff_t, 3>{12, 4, 1});
  CHECK(dense(1, 2, 3) == 23);
  CHECK(dense.extent(1) == 3);
  const tensor_view<const int, 2> turned(values.data(), {4, 3}, {1, 4});
  CHECK_FALSE(turned.is_dense());
  CHECK(turned(3, 2) == 11);
  const tensor_view<const int, 2> backwards(values.data() + 5, {1, 6}, {100, -1});
  CHECK(backwards(0, 5) == 0);
  CHECK_FALSE(backwards.is_dense());
  // The stride of one element is nobody's business.
  CHECK(tensor_view<const int, 2>(values.data(), {1, 6}, {100, 1}).is_dense());
  CHECK(tensor_view<const int, 2>(values.data(), {0, 6}, {7, 7}).is_dense());
  const tensor_view<const int, 3> read = dense;
  CHECK(&read(1, 0, 0) == &dense(1, 0, 0));
}

TEST_CASE("tensor: owns as many elements as its shape says", "[gpu][tensor]") {
  const auto stream = std::make_shared<noting_stream>();
  {
    tensor<float, 2> made({3, 5}, stream);
    CHECK(stream->taken == 60);
    made.view()(2, 4) = 7;
    CHECK(made.data()[14] == 7);
    tensor<float, 2> moved = std::move(made);
    CHECK(moved.shape() == std::array<std::size_t, 2>{3, 5});
    CHECK(made.size() == 0);  // NOLINT: what was moved from is empty
    CHECK(made.shape() == std::array<std::size_t, 2>{});
    const tensor_view<const float, 2> seen = std::as_const(moved);
    CHECK(seen(2, 4) == 7);
  }
  CHECK(stream->taken == 0);
  CHECK_THROWS_AS((tensor<float, 2>(modal::device_vector<float>(5), {2, 3})), std::length_error);
  CHECK_THROWS_AS((tensor<float, 2>({SIZE_MAX, 2})), std::length_error);
  CHECK(tensor<float, 3>({SIZE_MAX, 0, SIZE_MAX}).size() == 0);
}

TEST_CASE("extent2: is a width and a height", "[gpu][tensor]") {
  CHECK(modal::extent2{640, 480}.area() == 307'200);
  CHECK(modal::extent2{1, 2} != modal::extent2{2, 1});
}
