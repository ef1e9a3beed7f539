// SPDX-License-Identifier: Apache-2.0
#include <modal/gpu/stream_ref.hpp>

#include "support/catch.hpp"

#include <array>
#include <type_traits>

static_assert(std::is_convertible_v<modal::stream_ref, CUstream_st*>);

TEST_CASE("stream ref: is the stream of the present call", "[gpu][stream_ref]") {
  const modal::stream_ref here = modal::this_stream();
  CHECK(here.is_host());
  CUstream_st* const native = here;
  CHECK(native == nullptr);
  const std::array<int, 2> from{1, 2};
  std::array<int, 2> to{};
  here.copy(to.data(), from.data(), sizeof to, modal::gpu::copy_kind::on_device);
  CHECK(to == from);
}
