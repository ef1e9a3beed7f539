// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

/// Three picture filters: plain C++, nothing here knows that they are called from afar.
///
/// The pixels are a parameter of their own, as a span, so that on the executor they alias the
/// bytes of the request. All filters are deterministic: equal arguments give equal bytes.
namespace photos {

/// The shape of a picture. `channels` is 1 (grey) or 3 (red, green, blue, in sRGB).
struct image_size {
  int width = 0;
  int height = 0;
  int channels = 0;

  friend bool operator==(const image_size&, const image_size&) = default;
};

/// A picture: rows from the top, pixels from the left, channels interleaved, one byte each.
struct image {
  image_size size;
  std::vector<std::uint8_t> pixels;

  friend bool operator==(const image&, const image&) = default;
};

/// Removes noise and keeps edges, by non-local means: each pixel becomes the mean of the pixels
/// around it whose own neighbourhoods (7×7) look alike.
/// @param strength  the standard deviation of the noise, in grey levels, above 0 and at most 100.
/// **Errors**: `std::invalid_argument`; `std::runtime_error` when the call is cancelled.
/// **Source**: A. Buades, B. Coll, J.-M. Morel, "Non-Local Means Denoising", IPOL 2011.
image denoise(image_size size, std::span<const std::uint8_t> pixels, float strength);

/// Draws the edges, one pixel thin and as bright as they are steep, on black; one channel.
/// @param threshold  how steep an edge must be to be drawn, in grey levels per pixel, above 0 and
/// at most 255. Less steep ones, down to 40 % of it, are drawn where they continue a steep one.
/// **Errors**: as `denoise`.
/// **Source**: J. Canny, "A Computational Approach to Edge Detection", 1986.
image edges(image_size size, std::span<const std::uint8_t> pixels, float threshold);

/// Shrinks the picture until its longer side is `max_side` pixels (1 to 65535): each new pixel is
/// the mean, in linear light, of the area that it covers. Smaller pictures are returned unchanged.
/// **Errors**: as `denoise`.
image thumbnail(image_size size, std::span<const std::uint8_t> pixels, int max_side);

}  // namespace photos
