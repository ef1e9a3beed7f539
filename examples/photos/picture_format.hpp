// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "filters.hpp"

#include <cstdint>
#include <span>
#include <vector>

/// The two file formats, in memory. All functions throw `picture_error` with the reason alone.
namespace photos {

bool is_png(std::span<const std::uint8_t> file);
image decode_png(std::span<const std::uint8_t> file);
std::vector<std::uint8_t> encode_png(const image& picture);

bool is_jpeg(std::span<const std::uint8_t> file);
image decode_jpeg(std::span<const std::uint8_t> file);
std::vector<std::uint8_t> encode_jpeg(const image& picture);

/// Returns the size, or refuses pictures that are empty or have too many pixels.
image_size checked_size(unsigned width, unsigned height, int channels);

}  // namespace photos
