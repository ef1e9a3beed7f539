// SPDX-License-Identifier: Apache-2.0
// expect: modal: .retries must be from 0 to 100
#include <modal/function.hpp>

int add(int a, int b) { return a + b; }

#ifdef MODAL_EXPECT_FAILURE
MODAL_FUNCTION(add, .retries = 101)
#else
MODAL_FUNCTION(add, .retries = 100)
#endif
