// SPDX-License-Identifier: Apache-2.0
// expect: modal: this arithmetic type has no fixed width on the wire
#include <modal/function.hpp>

#ifdef MODAL_EXPECT_FAILURE
using number = long double;
#else
using number = double;
#endif

number twice(number value) { return 2 * value; }

MODAL_FUNCTION(twice)
