// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/function.hpp>

#include <cstdint>
#include <span>
#include <vector>

/// What is called from afar. Images are 28 × 28 bytes each, one behind the other.
namespace digits {

/// Returns the weights of a network that was taught with these images and their labels, on the host
/// device: the same ones for the same arguments. **Errors**: `std::invalid_argument`;
/// `std::runtime_error` when the call is cancelled.
modal::device_vector<float> train(modal::device_span<const std::uint8_t> images,
                                  modal::device_span<const std::uint8_t> labels, int epochs);

/// Returns a label for each image, on a GPU where nvcc compiled this.
/// **Errors**: `std::invalid_argument`.
modal::device_vector<std::uint8_t> classify(modal::device_span<const std::uint8_t> images,
                                            modal::device_span<const float> weights);

/// The same in this process, on the CPU.
std::vector<std::uint8_t> classify_here(std::span<const std::uint8_t> images,
                                        std::span<const float> weights);

}  // namespace digits
