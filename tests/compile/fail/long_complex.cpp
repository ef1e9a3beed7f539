// SPDX-License-Identifier: Apache-2.0
// expect: modal: this arithmetic type has no fixed width on the wire: a std::complex is of
#include <modal/function.hpp>

#include <complex>

#ifdef MODAL_EXPECT_FAILURE
using number = std::complex<long double>;
#else
using number = std::complex<double>;
#endif

number twice(number value) { return value + value; }

MODAL_FUNCTION(twice)
