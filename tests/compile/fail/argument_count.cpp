// SPDX-License-Identifier: Apache-2.0
// expect: modal: the function takes another number of arguments
#include <modal/modal.hpp>

int add(int a, int b);

int call() {
#ifdef MODAL_EXPECT_FAILURE
  return modal::remote<add>(1);
#else
  return modal::remote<add>(1, 2);
#endif
}
