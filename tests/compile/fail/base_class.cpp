// SPDX-License-Identifier: Apache-2.0
// expect: modal: the members of an aggregate with a base class are not all its own
#include <modal/modal.hpp>

namespace bases {

struct shape {
  int colour;
};
struct circle : shape {
  double radius;
};
#ifndef MODAL_EXPECT_FAILURE
MODAL_FIELDS(circle, colour, radius)
#endif

circle grow(circle);

}  // namespace bases

void call() { (void)modal::remote<bases::grow>(bases::circle{}); }
