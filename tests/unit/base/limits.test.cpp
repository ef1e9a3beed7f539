// SPDX-License-Identifier: Apache-2.0
#include <modal/base/limits.hpp>

#include "support/catch.hpp"

TEST_CASE("limits: no default is zero", "[base][limits]") {
  const modal::limits bounds;
  CHECK(bounds.decode.depth > 0);
  CHECK(bounds.decode.elements > 0);
  CHECK(bounds.decode.containers > 0);
  CHECK(bounds.decode.allocation_factor > 0);
  CHECK(bounds.decode.allocation_base > 0);
  CHECK(bounds.header_bytes > 0);
  CHECK(bounds.decode.segments > 0);
  CHECK(bounds.queue_length > 0);
  CHECK(bounds.connections > 0);
  CHECK(bounds.header_timeout.count() > 0);
  CHECK(bounds.idle_timeout.count() > 0);
  CHECK(bounds.transfer_timeout.count() > 0);
  CHECK(bounds.call_timeout.count() > 0);
}

TEST_CASE("limits: one body fits into what may be in flight", "[base][limits]") {
  const modal::limits bounds;
  CHECK(bounds.body_bytes <= bounds.bytes_in_flight);
  CHECK(bounds.json_body_bytes <= bounds.body_bytes);
}

TEST_CASE("limits: a copy is a value of its own", "[base][limits]") {
  const modal::limits original;
  [[maybe_unused]] auto changed = original;
  changed.decode.depth = 3;
  CHECK(original.decode.depth == 64);
}
