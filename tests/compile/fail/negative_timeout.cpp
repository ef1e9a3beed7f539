// SPDX-License-Identifier: Apache-2.0
// expect: modal: .timeout must not be negative
#include <modal/function.hpp>

int add(int a, int b) { return a + b; }

#ifdef MODAL_EXPECT_FAILURE
MODAL_FUNCTION(add, .timeout = -1s)
#else
MODAL_FUNCTION(add, .timeout = 1s)
#endif
