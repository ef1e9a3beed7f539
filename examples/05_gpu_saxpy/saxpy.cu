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
// Work goes to the call's stream.
static auto here() { return thrust::cuda::par_nosync.on(modal::this_stream()); }
#else
#define ON_DEVICE
#include <thrust/system/cpp/execution_policy.h>
static auto here() { return thrust::cpp::par; }
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
  thrust::transform(here(), x.begin(), x.end(), y.begin(), out.data(), times_plus{a});
  return out;  // the download comes behind it
}

void sort(modal::device_span<float> values) { thrust::sort(here(), values.begin(), values.end()); }

double norm(modal::device_span<const float> values) {
  return thrust::transform_reduce(here(), values.begin(), values.end(), square(), 0.0,
                                  thrust::plus<double>());
}

}  // namespace blas

MODAL_FUNCTION(blas::saxpy)
MODAL_FUNCTION(blas::sort)
MODAL_FUNCTION(blas::norm)
