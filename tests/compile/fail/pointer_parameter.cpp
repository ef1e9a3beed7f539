// SPDX-License-Identifier: Apache-2.0
// expect: modal: raw pointers have no meaning in another process
#include <modal/function.hpp>

#ifdef MODAL_EXPECT_FAILURE
int first(const int* values) { return *values; }
#else
int first(std::span<const int> values) { return values.front(); }
#endif

MODAL_FUNCTION(first)
