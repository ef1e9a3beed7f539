// SPDX-License-Identifier: Apache-2.0
// Stands for libtorch, CuPy or ONNX Runtime: a library with tensors of its own, which it takes and
// gives by DLPack.
#pragma once

#include <dlpack/dlpack.h>

namespace other {

/// Returns softmax of each row of a float tensor of two dimensions, on the device that the tensor
/// is on: a GPU does it on `stream`, a `cudaStream_t`. What is returned is the caller's to delete.
DLManagedTensor* softmax(const DLTensor& scores, void* stream);

/// Returns how many tensors it has given that nobody deleted.
int tensors_alive();

}  // namespace other
