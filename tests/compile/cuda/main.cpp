// SPDX-License-Identifier: Apache-2.0
// Calls a function that nvcc compiled: succeeds only if both compilers agree on name and signature.
#include <modal/modal.hpp>

#include "scale.hpp"

#include <iostream>

int main() {
  const std::vector<float> values{1.0F, 2.0F, 3.0F};
  const cuda_test::settings how{.factor = 2.0F,
                                .how = cuda_test::mode::exact,
                                .note = "twice",
                                .tables = {{"a", {1.0}}},
                                .tag = 7};
  const auto result = modal::remote<cuda_test::scale>.try_call(values, how);
  if (!result) {
    std::cerr << result.error().message() << '\n' << result.error().details().signature << '\n';
    return 1;
  }
  if (result.value() != std::vector<float>{2.0F, 4.0F, 6.0F}) return 1;
  // On a GPU, or nowhere: what nvcc compiled is no code for the host.
  const auto there = modal::remote<cuda_test::scale_there>.try_call(values, 2.0F);
  if (there) return there.value() == result.value() ? 0 : 1;
  std::cout << there.error().message() << '\n';
  return there.error() == modal::errc::no_device ? 0 : 1;
}
