// SPDX-License-Identifier: Apache-2.0
// nvcc compiles this for a GPU; any other compiler, as C++, for the host device.
#include <modal/gpu/dlpack.hpp>

#include "other_library.hpp"
#include "pipeline.hpp"

#include <memory>
#include <new>

namespace pipeline {

modal::tensor<float, 2> softmax(modal::tensor<float, 2> scores) {
  const auto give_back = [](DLManagedTensor* which) { which->deleter(which); };
  const std::unique_ptr<DLManagedTensor, decltype(give_back)> given(
      modal::to_dlpack<DLManagedTensor>(std::move(scores)), give_back);
  DLManagedTensor* const got = other::softmax(given->dl_tensor, modal::this_stream());
  if (got == nullptr) throw std::bad_alloc();
  return modal::from_dlpack<float, 2>(got);  // downloaded from where it lies
}

}  // namespace pipeline

MODAL_FUNCTION(pipeline::softmax)
