// SPDX-License-Identifier: Apache-2.0
// expect: modal: .arguments must name each argument of the function
#include <modal/function.hpp>

int add(int a, int b) { return a + b; }

#ifdef MODAL_EXPECT_FAILURE
MODAL_FUNCTION(add, .arguments = {"a"})
#else
MODAL_FUNCTION(add, .arguments = {"a", "b"})
#endif
