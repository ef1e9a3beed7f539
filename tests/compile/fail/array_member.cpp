// SPDX-License-Identifier: Apache-2.0
// expect: modal: the members of an aggregate with a C array cannot be told apart
#include <modal/modal.hpp>

#include <array>

namespace arrays {

struct matrix {
#ifdef MODAL_EXPECT_FAILURE
  float cells[4][4];
#else
  std::array<std::array<float, 4>, 4> cells;
#endif
  int rank;
};

matrix invert(matrix);

}  // namespace arrays

void call() { (void)modal::remote<arrays::invert>(arrays::matrix{}); }
