// SPDX-License-Identifier: Apache-2.0
// A function that is registered in a file that nvcc compiles. It runs on the host.
#include <modal/function.hpp>

#include "scale.hpp"

namespace cuda_test {

std::vector<float> scale(std::span<const float> values, const settings& how) {
  std::vector<float> out(values.begin(), values.end());
  for (float& each : out) each *= how.factor;
  return out;
}

}  // namespace cuda_test

MODAL_FUNCTION(cuda_test::scale, .timeout = 30s)
