// SPDX-License-Identifier: Apache-2.0
#include <modal/gpu/pinned_span.hpp>

#include "support/catch.hpp"

#include <numeric>
#include <vector>

TEST_CASE("pinned span: is a range that its user reads", "[gpu][pinned_span]") {
  const std::vector<int> values{1, 2, 3};
  modal::pinned_span<const int> all(values.data(), values.size());
  CHECK(std::accumulate(all.begin(), all.end(), 0) == 6);
  CHECK(all[1] == 2);
  CHECK(all.size_bytes() == 12);
  const std::span<const int> plain = all;
  CHECK(plain.data() == values.data());
  CHECK(modal::pinned_span<const int>().empty());
  all.refer_to_host(std::span(values).first(1));
  CHECK(all.host_elements().size() == 1);
}
