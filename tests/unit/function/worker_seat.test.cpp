// SPDX-License-Identifier: Apache-2.0
#include <modal/function/worker_seat.hpp>

#include "support/catch.hpp"

using namespace modal::detail;

namespace {

struct counting_seat final : worker_seat {
  void leave() noexcept override { ++away; }
  void come_back() noexcept override { --away; }
  int away = 0;
};

}  // namespace

TEST_CASE("worker seat: is left and taken again, and nested", "[function][worker_seat]") {
  CHECK(this_seat() == nullptr);
  { const away_from_seat no_seat; }
  counting_seat outer;
  const seat_scope seated(outer);
  {
    const away_from_seat away;
    CHECK(outer.away == 1);
    counting_seat inner;
    const seat_scope deeper(inner);
    CHECK(this_seat() == &inner);
    const away_from_seat again;
    CHECK(inner.away == 1);
    CHECK(outer.away == 1);
  }
  CHECK(outer.away == 0);
  CHECK(this_seat() == &outer);
}
