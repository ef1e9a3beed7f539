// SPDX-License-Identifier: Apache-2.0
// nvcc compiles this for a GPU; any other compiler, as C++, for the host device.
#include "saxpy.hpp"

#include <thrust/execution_policy.h>
#include <thrust/functional.h>
#include <thrust/sort.h>
#include <thrust/transform.h>
#include <thrust/transform_reduce.h>

#ifdef __CUDACC__
#define ON_DEVICE __host__ __device__
#include <thrust/system/cuda/execution_policy.h>
// Work goes to the call's stream, and what it needs besides comes from the stream's memory.
static auto here(modal::stream_memory& memory) {
  return thrust::cuda::par_nosync(memory).on(modal::this_stream());
}
#else
#define ON_DEVICE
#include <thrust/system/cpp/execution_policy.h>
static auto here(modal::stream_memory& memory) { return thrust::cpp::par(memory); }
#endif

namespace blas {
namespace {

struct times_plus {
  float a;
  ON_DEVICE float operator()(float x, float y) const { return a * x + y; }
};
struct square {
  ON_DEVICE double operator()(float x) const { return double(x) * double(x); }
};

}  // namespace

modal::device_vector<float> saxpy(float a, modal::device_span<const float> x,
                                  modal::device_span<const float> y) {
  modal::device_vector<float> out(x.size());
  auto memory = modal::this_call().memory();
  thrust::transform(here(memory), x.begin(), x.end(), y.begin(), out.data(), times_plus{a});
  return out;  // the download comes behind it
}

void sort(modal::device_span<float> values) {
  auto memory = modal::this_call().memory();
  thrust::sort(here(memory), values.begin(), values.end());
}

double norm(modal::device_span<const float> values) {
  auto memory = modal::this_call().memory();
  return thrust::transform_reduce(here(memory), values.begin(), values.end(), square(), 0.0,
                                  thrust::plus<double>());
}

}  // namespace blas

MODAL_FUNCTION(blas::saxpy)
MODAL_FUNCTION(blas::sort)
MODAL_FUNCTION(blas::norm)
