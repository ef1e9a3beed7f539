// SPDX-License-Identifier: Apache-2.0
// expect: modal: a parameter that is a reference to non-const cannot bring anything back
#include <modal/function.hpp>

#ifdef MODAL_EXPECT_FAILURE
void double_it(int& value) { value *= 2; }
#else
int double_it(const int& value) { return 2 * value; }
#endif

MODAL_FUNCTION(double_it)
