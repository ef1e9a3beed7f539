// SPDX-License-Identifier: Apache-2.0
// nvcc compiles this for a GPU; any other compiler, as C++, for the host device. The library for it
// is looked for when the program runs, and done without where there is none.
#include "matmul.hpp"

#include <dlfcn.h>
#include <stdexcept>

namespace linear {
namespace {

// All matrices are dense, by rows: m × k, k × n and m × n.
struct extents {
  std::size_t m, k, n;
};

template <class Function>
Function find(void* library, const char* name) {
  return library != nullptr ? reinterpret_cast<Function>(::dlsym(library, name)) : nullptr;
}

}  // namespace
}  // namespace linear

#ifdef __CUDACC__
#include <cublas_v2.h>
#include <map>

namespace linear {
namespace {

struct cublas {
  void* library = ::dlopen("libcublas.so.13", RTLD_NOW | RTLD_LOCAL);
  decltype(&::cublasCreate_v2) create = find<decltype(create)>(library, "cublasCreate_v2");
  decltype(&::cublasSetStream_v2) set_stream =
      find<decltype(set_stream)>(library, "cublasSetStream_v2");
  decltype(&::cublasSgemm_v2) multiply = find<decltype(multiply)>(library, "cublasSgemm_v2");
};

// A handle belongs to a device, and one thread at a time uses it.
bool multiply_by_library(extents size, const float* a, const float* b, float* out) {
  static const cublas found;
  if (found.create == nullptr || found.set_stream == nullptr || found.multiply == nullptr)
    return false;
  thread_local std::map<int, cublasHandle_t> handles;
  int device = 0;
  cudaGetDevice(&device);
  cublasHandle_t& handle = handles[device];
  if (handle == nullptr && found.create(&handle) != CUBLAS_STATUS_SUCCESS) return false;
  const float one = 1;
  const float zero = 0;
  const int m = static_cast<int>(size.m), k = static_cast<int>(size.k),
            n = static_cast<int>(size.n);
  // It counts by columns: what it takes for b × a of the transposed is a × b of ours.
  return found.set_stream(handle, modal::this_stream()) == CUBLAS_STATUS_SUCCESS &&
         found.multiply(handle, CUBLAS_OP_N, CUBLAS_OP_N, n, m, k, &one, b, n, a, k, &zero, out,
                        n) == CUBLAS_STATUS_SUCCESS;
}
constexpr const char* library_name = "cuBLAS";

constexpr unsigned tile = 16;

__global__ void multiply_tiles(extents size, const float* a, const float* b, float* out) {
  __shared__ float left[tile][tile];
  __shared__ float right[tile][tile];
  const std::size_t row = blockIdx.y * tile + threadIdx.y;
  const std::size_t column = blockIdx.x * tile + threadIdx.x;
  float sum = 0;
  for (std::size_t from = 0; from < size.k; from += tile) {
    const std::size_t i = from + threadIdx.x;
    const std::size_t j = from + threadIdx.y;
    left[threadIdx.y][threadIdx.x] = row < size.m && i < size.k ? a[row * size.k + i] : 0;
    right[threadIdx.y][threadIdx.x] = column < size.n && j < size.k ? b[j * size.n + column] : 0;
    __syncthreads();
    for (unsigned each = 0; each < tile; ++each)
      sum += left[threadIdx.y][each] * right[each][threadIdx.x];
    __syncthreads();
  }
  if (row < size.m && column < size.n) out[row * size.n + column] = sum;
}

void multiply_by_hand(extents size, const float* a, const float* b, float* out) {
  const dim3 blocks(static_cast<unsigned>((size.n + tile - 1) / tile),
                    static_cast<unsigned>((size.m + tile - 1) / tile));
  multiply_tiles<<<blocks, dim3(tile, tile), 0, modal::this_stream()>>>(size, a, b, out);
}
constexpr const char* own_name = "a kernel of our own";

}  // namespace
}  // namespace linear

#else

#include <algorithm>

namespace linear {
namespace {

// Of cblas.h.
using sgemm = void (*)(int order, int turn_a, int turn_b, int m, int n, int k, float alpha,
                       const float* a, int row_a, const float* b, int row_b, float beta, float* out,
                       int row_out);

bool multiply_by_library(extents size, const float* a, const float* b, float* out) {
  static const auto found =
      find<sgemm>(::dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL), "cblas_sgemm");
  if (found == nullptr) return false;
  constexpr int by_rows = 101;
  constexpr int as_it_is = 111;
  const int m = static_cast<int>(size.m), k = static_cast<int>(size.k),
            n = static_cast<int>(size.n);
  found(by_rows, as_it_is, as_it_is, m, n, k, 1, a, k, b, n, 0, out, n);
  return true;
}
constexpr const char* library_name = "OpenBLAS";

void multiply_by_hand(extents size, const float* a, const float* b, float* out) {
  std::fill_n(out, size.m * size.n, 0.F);
  for (std::size_t i = 0; i < size.m; ++i)
    for (std::size_t j = 0; j < size.k; ++j)
      for (std::size_t to = 0; to < size.n; ++to)
        out[i * size.n + to] += a[i * size.k + j] * b[j * size.n + to];
}
constexpr const char* own_name = "loops of our own";

}  // namespace
}  // namespace linear
#endif

namespace linear {

product matmul(modal::tensor_view<const float, 2> a, modal::tensor_view<const float, 2> b) {
  const extents size{a.extent(0), a.extent(1), b.extent(1)};
  if (b.extent(0) != size.k)
    throw std::invalid_argument("a has " + std::to_string(size.k) + " columns, and b " +
                                std::to_string(b.extent(0)) + " rows");
  product made{.values = modal::tensor<float, 2>({size.m, size.n}), .by = library_name};
  if (made.values.size() == 0) return made;
  if (!multiply_by_library(size, a.data(), b.data(), made.values.data())) {
    multiply_by_hand(size, a.data(), b.data(), made.values.data());
    made.by = own_name;
  }
  return made;
}

}  // namespace linear

MODAL_FUNCTION(linear::matmul)
