// SPDX-License-Identifier: Apache-2.0
// You learn: functions of device memory, written with Thrust, called with vectors.
// Run:  ./05_gpu_saxpy        (the functions run in this process; set MODAL_URL for another one)
#include <modal/modal.hpp>

#include "saxpy.hpp"

#include <algorithm>
#include <iostream>
#include <vector>

int main() {
  constexpr std::size_t size = 1'000'000;
  std::vector<float> x(size);
  std::vector<float> y(size);
  for (std::size_t i = 0; i < size; ++i) {
    x[i] = static_cast<float>(i % 1000);
    y[i] = static_cast<float>(i * 7919 % 1000);
  }

  // What the function has on the device, the caller has in its own memory.
  const std::vector<float> z = modal::remote<blas::saxpy>(2.F, x, y);
  std::cout << "saxpy: " << z[1] << ' ' << z[999'999] << '\n';

  // In and out: the caller's vector is sorted.
  modal::remote<blas::sort>(y);
  std::cout << "sort: " << y.front() << " to " << y.back() << ", "
            << (std::is_sorted(y.begin(), y.end()) ? "sorted" : "not sorted") << '\n';

  std::cout << "norm: " << modal::remote<blas::norm>(std::vector<float>{3, 4}) << '\n';
}
