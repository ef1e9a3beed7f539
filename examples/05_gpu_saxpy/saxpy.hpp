// SPDX-License-Identifier: Apache-2.0
// What callers see of the functions: no CUDA, no Thrust.
#pragma once

#include <modal/function.hpp>

namespace blas {

/// Returns a × x + y.
modal::device_vector<float> saxpy(float a, modal::device_span<const float> x,
                                  modal::device_span<const float> y);

/// Sorts the caller's numbers.
void sort(modal::device_span<float> values);

/// Returns the sum of squares.
double norm(modal::device_span<const float> values);

}  // namespace blas
