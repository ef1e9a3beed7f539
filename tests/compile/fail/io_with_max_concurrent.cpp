// SPDX-License-Identifier: Apache-2.0
// expect: modal: .run = run_on::io goes with neither .max_concurrent nor a GPU
#include <modal/function.hpp>

int add(int a, int b) { return a + b; }

#ifdef MODAL_EXPECT_FAILURE
MODAL_FUNCTION(add, .max_concurrent = 2, .run = modal::run_on::io)
#else
MODAL_FUNCTION(add, .run = modal::run_on::io)
#endif
