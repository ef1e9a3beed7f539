// SPDX-License-Identifier: Apache-2.0
// expect: modal: a std::span parameter aliases the request and cannot be written
#include <modal/function.hpp>

#ifdef MODAL_EXPECT_FAILURE
float first(std::span<float> values) { return values[0]; }
#else
float first(std::span<const float> values) { return values[0]; }
#endif

MODAL_FUNCTION(first)
