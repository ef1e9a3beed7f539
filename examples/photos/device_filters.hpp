// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/function.hpp>

#include "filters.hpp"

#include <cstdint>
#include <string>

/// Two of the filters for a device, a GPU or the host device. What they give agrees with the CPU's:
/// each value of `denoise` within 1, all pixels of `edges` but 1 in 1000.
namespace photos::on_device {

/// The pixels of `photos::denoise`; the picture has the size that went in. **Errors**: as there.
modal::device_vector<std::uint8_t> denoise(image_size size,
                                           modal::device_span<const std::uint8_t> pixels,
                                           float strength);

/// The pixels of `photos::edges`: one channel. **Errors**: as there.
modal::device_vector<std::uint8_t> edges(image_size size,
                                         modal::device_span<const std::uint8_t> pixels,
                                         float threshold);

/// Returns the name of the device that the filters run on, as "cuda:0". Without one, the call fails
/// with `no_device`.
std::string where(modal::device_span<const std::uint8_t> nothing);

}  // namespace photos::on_device
