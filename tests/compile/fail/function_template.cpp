// SPDX-License-Identifier: Apache-2.0
// expect: MODAL_FUNCTION_AS("name", f)
#include <modal/function.hpp>

template <class T>
T twice(T value) {
  return value + value;
}

#ifdef MODAL_EXPECT_FAILURE
MODAL_FUNCTION(twice<int>)
#else
MODAL_FUNCTION_AS("twice", twice<int>)
#endif
