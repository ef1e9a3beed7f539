// SPDX-License-Identifier: Apache-2.0
// You learn: tensors, structs with device memory inside, and libraries that are found at run time.
// Run:  ./06_matmul        (the functions run in this process; set MODAL_URL for another one)
#include <modal/modal.hpp>

#include "matmul.hpp"

#include <chrono>
#include <iomanip>
#include <iostream>
#include <vector>

namespace {

// Small whole numbers, so that every sum is exact, in whatever order it is made.
std::vector<float> matrix(std::size_t size, std::size_t seed) {
  std::vector<float> made(size * size);
  for (std::size_t i = 0; i < made.size(); ++i)
    made[i] = static_cast<float>((i * seed + i / size) % 7) - 3;
  return made;
}

bool is_product(const modal::tensor<float, 2>& got, const std::vector<float>& a,
                const std::vector<float>& b) {
  const std::size_t size = got.extent(0);
  for (std::size_t i = 0; i < size; i += 37)
    for (std::size_t j = 0; j < size; j += 41) {
      float sum = 0;
      for (std::size_t k = 0; k < size; ++k) sum += a[i * size + k] * b[k * size + j];
      if (got.view()(i, j) != sum) return false;
    }
  return true;
}

}  // namespace

int main() {
  std::cerr << "   size      ms   GFLOP/s  by\n";
  for (const std::size_t size : {64U, 256U, 512U}) {
    const auto a = matrix(size, 5);
    const auto b = matrix(size, 3);
    const modal::tensor_view<const float, 2> left(a.data(), {size, size});
    const modal::tensor_view<const float, 2> right(b.data(), {size, size});
    const auto begun = std::chrono::steady_clock::now();
    const linear::product got = modal::remote<linear::matmul>(left, right);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    const double work = 2.0 * static_cast<double>(size * size) * static_cast<double>(size);
    std::cerr << std::fixed << std::setw(7) << size << std::setw(8) << std::setprecision(2)
              << took.count() * 1e3 << std::setw(10) << std::setprecision(1)
              << work / took.count() / 1e9 << "  " << got.by << '\n';
    std::cout << size << " x " << size << ": " << (is_product(got.values, a, b) ? "right" : "wrong")
              << '\n';
  }

  // A matrix that lies by columns is sent as it is meant.
  const std::vector<float> columns{1, 3, 2, 4};
  const modal::tensor_view<const float, 2> turned(columns.data(), {2, 2}, {1, 2});
  const auto square = modal::remote<linear::matmul>(turned, turned).values;
  std::cout << "[1 2; 3 4] squared: [" << square.view()(0, 0) << ' ' << square.view()(0, 1) << "; "
            << square.view()(1, 0) << ' ' << square.view()(1, 1) << "]\n";

  const auto refused = modal::remote<linear::matmul>.try_call(
      turned, modal::tensor_view<const float, 2>(columns.data(), {1, 2}));
  std::cout << refused.error().details().message << '\n';
}
