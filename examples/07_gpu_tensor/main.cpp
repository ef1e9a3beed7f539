// SPDX-License-Identifier: Apache-2.0
// You learn: to hand tensors to another library, and back to the caller, without a copy.
// Run:  ./07_gpu_tensor        (the functions run in this process; set MODAL_URL for another one)
#include <modal/modal.hpp>

#include "other_library.hpp"
#include "pipeline.hpp"

#include <iomanip>
#include <iostream>
#include <vector>

int main() {
  const std::vector<float> scores{1, 2, 3, 0, 0, 0};
  const modal::tensor<float, 2> got =
      modal::remote<pipeline::softmax>(modal::tensor_view<const float, 2>(scores.data(), {2, 3}));
  std::cout << std::fixed << std::setprecision(4);
  for (std::size_t i = 0; i < got.extent(0); ++i)
    for (std::size_t j = 0; j < got.extent(1); ++j)
      std::cout << got.view()(i, j) << (j + 1 == got.extent(1) ? '\n' : ' ');
  std::cout << "tensors that the library waits for: " << other::tensors_alive() << '\n';
}
