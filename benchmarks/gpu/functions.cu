// SPDX-License-Identifier: Apache-2.0
#include "functions.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

namespace bench_gpu {
namespace {

__global__ void do_nothing() {}

__global__ void churn_each(modal::device_span<float> out, modal::device_span<const float> in,
                           int times) {
  const std::size_t i = blockIdx.x * std::size_t{blockDim.x} + threadIdx.x;
  if (i >= in.size()) return;
  float value = in[i];
  for (int each = 0; each < times; ++each) value = value * 1.0001F + 0.5F;
  out[i] = value;
}

void check(cudaError_t got) {
  if (got != cudaSuccess) throw std::runtime_error(cudaGetErrorString(got));
}

template <class Work>
std::chrono::nanoseconds median_of(int times, Work&& work) {
  std::vector<std::chrono::nanoseconds> all;
  for (int i = 0; i < times; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    all.push_back(std::chrono::steady_clock::now() - begin);
  }
  std::sort(all.begin(), all.end());
  return all[all.size() / 2];
}

}  // namespace

void touch(modal::device_span<const float>) { do_nothing<<<1, 1, 0, modal::this_stream()>>>(); }

modal::device_vector<float> churn(modal::device_span<const float> values) {
  modal::device_vector<float> made(values.size());
  constexpr unsigned block = 256;
  const auto blocks = static_cast<unsigned>((values.size() + block - 1) / block);
  if (blocks != 0) churn_each<<<blocks, block, 0, modal::this_stream()>>>(made, values, 2000);
  return made;
}

std::uint64_t take(modal::device_span<const float> values) { return values.size(); }

std::int32_t add(std::int32_t a, std::int32_t b) { return a + b; }

std::chrono::nanoseconds raw_upload(std::size_t bytes) {
  void* host = nullptr;
  void* there = nullptr;
  cudaStream_t stream = nullptr;
  check(cudaMallocHost(&host, bytes));
  check(cudaMalloc(&there, bytes));
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  const auto took = median_of(11, [&] {
    check(cudaMemcpyAsync(there, host, bytes, cudaMemcpyHostToDevice, stream));
    check(cudaStreamSynchronize(stream));
  });
  check(cudaStreamDestroy(stream));
  check(cudaFree(there));
  check(cudaFreeHost(host));
  return took;
}

std::chrono::nanoseconds raw_launch() {
  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  const auto took = median_of(2001, [&] {
    do_nothing<<<1, 1, 0, stream>>>();
    check(cudaGetLastError());
    check(cudaStreamSynchronize(stream));
  });
  check(cudaStreamDestroy(stream));
  return took;
}

}  // namespace bench_gpu

MODAL_FUNCTION(bench_gpu::touch)
MODAL_FUNCTION(bench_gpu::churn)
MODAL_FUNCTION(bench_gpu::take, .retries = 1)
MODAL_FUNCTION(bench_gpu::add)
