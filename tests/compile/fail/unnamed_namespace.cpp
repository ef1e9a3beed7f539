// SPDX-License-Identifier: Apache-2.0
// expect: MODAL_FUNCTION_AS("name", f)
#include <modal/function.hpp>

namespace {
int add(int a, int b) { return a + b; }
}  // namespace

#ifdef MODAL_EXPECT_FAILURE
MODAL_FUNCTION(add)
#else
MODAL_FUNCTION_AS("add", add)
#endif
