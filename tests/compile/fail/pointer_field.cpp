// SPDX-License-Identifier: Apache-2.0
// expect: modal: raw pointers have no meaning in another process
#include <modal/function.hpp>

struct image {
#ifdef MODAL_EXPECT_FAILURE
  float* pixels;
#else
  std::vector<float> pixels;
#endif
  int width;
};

int width_of(const image& value) { return value.width; }

MODAL_FUNCTION(width_of)
