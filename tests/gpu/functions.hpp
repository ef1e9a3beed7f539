// SPDX-License-Identifier: Apache-2.0
// Functions that run on a real GPU, as their callers see them.
#pragma once

#include <modal/function.hpp>

namespace on_gpu {

modal::device_vector<float> scale(modal::device_span<const float> values, float by);
void add_to(modal::device_span<float> values, float what);
modal::tensor<float, 2> transposed(modal::tensor_view<const float, 2> from);

/// Returns its argument when `milliseconds` of the device's time have passed.
modal::device_vector<float> after(modal::device_span<const float> values, int milliseconds);

/// Returns what it was sent by a copy of its own, from page-locked memory.
modal::device_vector<float> copied(modal::pinned_span<const float> values);

/// Returns whether memory of CUDA's runtime is memory of the same context.
bool shares_context(modal::device_span<const float> values);

/// Takes so many bytes.
std::uint64_t take(std::uint64_t bytes);

/// Writes where nothing is: the process loses its context.
void write_nowhere(modal::device_span<float> values);

}  // namespace on_gpu
