// SPDX-License-Identifier: Apache-2.0
// Functions that are registered in a file that nvcc compiles: one runs on the host, one on a GPU.
#include <modal/function.hpp>

#include "scale.hpp"

namespace cuda_test {

std::vector<float> scale(std::span<const float> values, const settings& how) {
  std::vector<float> out(values.begin(), values.end());
  for (float& each : out) each *= how.factor;
  return out;
}

namespace {

__global__ void multiply(modal::device_span<float> out, modal::device_span<const float> in,
                         float factor) {
  const std::size_t i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < in.size()) out[i] = in[i] * factor;
}

}  // namespace

modal::device_vector<float> scale_there(modal::device_span<const float> values, float factor) {
  modal::device_vector<float> made(values.size());
  const auto blocks = static_cast<unsigned>((values.size() + 255) / 256);
  if (blocks != 0) multiply<<<blocks, 256, 0, modal::this_stream()>>>(made, values, factor);
  return made;
}

}  // namespace cuda_test

MODAL_FUNCTION(cuda_test::scale_there)
MODAL_FUNCTION(cuda_test::scale, .timeout = 30s)
