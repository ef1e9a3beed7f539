// SPDX-License-Identifier: Apache-2.0
// A user's file, bodies included, that check_optimized.sh compiles.
#include <modal/asio.hpp>
#include <modal/executor.hpp>
#include <modal/src.hpp>
#include <modal/testing.hpp>

namespace optimized {

struct point {
  int x;
  double y;
  std::string name;
  std::vector<float> more;
};

std::vector<point> lift(std::vector<point> all, double by) {
  for (point& each : all) each.y += by;
  return all;
}

modal::device_vector<float> as_many(modal::device_span<const float> values) {
  return modal::device_vector<float>(values.size());
}

}  // namespace optimized

MODAL_FUNCTION(optimized::lift)
MODAL_FUNCTION(optimized::as_many)

void call() {
  (void)modal::remote<optimized::lift>.try_call(std::vector<optimized::point>(), 1.0);
  (void)modal::remote<optimized::as_many>.try_call(std::vector<float>());
}
