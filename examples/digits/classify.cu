// SPDX-License-Identifier: Apache-2.0
// nvcc compiles this for a GPU: a block for each image. Any other compiler, as C++, for the host
// device.
#include "functions.hpp"
#include "network.hpp"

#include <chrono>
#include <stdexcept>

namespace digits {
namespace {

#ifdef __CUDACC__
__global__ void classify_each(const std::uint8_t* images, const weights* w, std::uint8_t* labels) {
  __shared__ float image[pixels];
  __shared__ float first[size_1];
  __shared__ float second[size_2];
  __shared__ float scores[classes];
  const int thread = static_cast<int>(threadIdx.x);
  const int threads = static_cast<int>(blockDim.x);
  const std::uint8_t* from = images + std::size_t{blockIdx.x} * pixels;
  for (int i = thread; i < pixels; i += threads) image[i] = from[i] / 255.F;
  __syncthreads();
  for (int i = thread; i < size_1; i += threads) first[i] = first_layer(*w, image, i);
  __syncthreads();
  for (int i = thread; i < size_2; i += threads) second[i] = second_layer(*w, first, i);
  __syncthreads();
  if (thread < classes) scores[thread] = score(*w, second, thread);
  __syncthreads();
  if (thread == 0) labels[blockIdx.x] = best_of(scores);
}

void classify_all(std::size_t count, const std::uint8_t* images, const weights* w,
                  std::uint8_t* labels) {
  if (count == 0) return;
  classify_each<<<static_cast<unsigned>(count), 128, 0, modal::this_stream()>>>(images, w, labels);
}
#else
void classify_all(std::size_t count, const std::uint8_t* images, const weights* w,
                  std::uint8_t* labels) {
  const auto found =
      classify_here({images, count * pixels}, {reinterpret_cast<const float*>(w), weight_count});
  std::copy(found.begin(), found.end(), labels);
}
#endif

}  // namespace

modal::device_vector<std::uint8_t> classify(modal::device_span<const std::uint8_t> images,
                                            modal::device_span<const float> learnt) {
  if (images.size() % pixels != 0 || learnt.size() != weight_count)
    throw std::invalid_argument("images have 28 x 28 bytes, and the network its own weights");
  modal::device_vector<std::uint8_t> labels(images.size() / pixels);
  classify_all(labels.size(), images.data(), reinterpret_cast<const weights*>(learnt.data()),
               labels.data());
  return labels;
}

}  // namespace digits

MODAL_FUNCTION(digits::classify, .timeout = std::chrono::seconds(60))
