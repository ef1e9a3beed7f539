// SPDX-License-Identifier: Apache-2.0
// expect: modal: an argument cannot be converted to the parameter of the function
#include <modal/modal.hpp>

int twice(int value);

int call() {
#ifdef MODAL_EXPECT_FAILURE
  return modal::remote<twice>("one");
#else
  return modal::remote<twice>(1);
#endif
}
