// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "filters.hpp"

#include <cstddef>
#include <string_view>

namespace photos {

/// The longest side that the filters accept, in pixels.
inline constexpr int longest_side = 65535;

/// Throws `std::invalid_argument` unless a picture of that size has exactly so many bytes.
void check_picture(image_size size, std::size_t bytes);

/// Throws `std::invalid_argument` unless 0 < value ≤ most.
void check_range(std::string_view name, float value, float most);

/// Throws `std::runtime_error` if the caller of this function's call cancelled it or went away, or
/// its time is over. Cheap: the filters ask between rows. Does nothing in a local call.
void stop_if_cancelled();

/// The number of bytes of a picture, or of its pixels if it has one channel.
constexpr std::size_t byte_count(image_size size) {
  return static_cast<std::size_t>(size.width) * static_cast<std::size_t>(size.height) *
         static_cast<std::size_t>(size.channels);
}

}  // namespace photos
