// SPDX-License-Identifier: Apache-2.0
#include "checks.hpp"
#include "filters.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace photos {
namespace {

std::size_t at(int index) { return static_cast<std::size_t>(index); }

/// sRGB bytes as linear light from 0 to 1 (IEC 61966-2-1).
std::array<float, 256> make_linear_light() {
  std::array<float, 256> table{};
  for (std::size_t i = 0; i < table.size(); ++i) {
    const double value = static_cast<double>(i) / 255;
    table[i] = static_cast<float>(value <= 0.04045 ? value / 12.92
                                                   : std::pow((value + 0.055) / 1.055, 2.4));
  }
  return table;
}

std::uint8_t to_srgb(float light) {
  const double value =
      light <= 0.0031308F ? light * 12.92 : 1.055 * std::pow(double{light}, 1 / 2.4) - 0.055;
  return static_cast<std::uint8_t>(std::clamp(value * 255 + 0.5, 0.0, 255.0));
}

/// The old pixels, along one side, that a new pixel covers: all of them wholly, but for the two at
/// its ends.
struct coverage {
  int first = 0;
  std::vector<float> shares;  // sum 1
};

std::vector<coverage> make_coverages(int from, int to) {
  std::vector<coverage> out(at(to));
  const double ratio = static_cast<double>(from) / to;
  for (int i = 0; i < to; ++i) {
    const double begin = i * ratio;
    const double end = std::min((i + 1) * ratio, static_cast<double>(from));
    out[at(i)].first = static_cast<int>(begin);
    for (int old = out[at(i)].first; old < end; ++old) {
      const double share = std::min(end, old + 1.0) - std::max(begin, static_cast<double>(old));
      out[at(i)].shares.push_back(static_cast<float>(share / ratio));
    }
  }
  return out;
}

image_size shrunk(image_size size, int max_side) {
  const int longer = std::max(size.width, size.height);
  const auto shrink = [&](int side) {
    const double exact = static_cast<double>(side) * max_side / longer;
    return std::max(1, static_cast<int>(std::lround(exact)));
  };
  return {shrink(size.width), shrink(size.height), size.channels};
}

/// Adds one row of the old picture, times `share`, to one row that has the new width.
void add_row(std::span<const std::uint8_t> row, const std::vector<coverage>& across, float share,
             const std::array<float, 256>& linear_light, int channels, std::vector<float>& sums) {
  std::size_t out = 0;
  for (const coverage& pixel : across) {
    for (int channel = 0; channel < channels; ++channel) {
      float light = 0;
      std::size_t in = at(pixel.first) * at(channels) + at(channel);
      for (const float weight : pixel.shares) {
        light += weight * linear_light[row[in]];
        in += at(channels);
      }
      sums[out++] += share * light;
    }
  }
}

}  // namespace

image thumbnail(image_size size, std::span<const std::uint8_t> pixels, int max_side) {
  check_picture(size, pixels.size());
  if (max_side < 1 || max_side > longest_side) {
    throw std::invalid_argument("max_side is from 1 to " + std::to_string(longest_side) + ", not " +
                                std::to_string(max_side));
  }
  if (std::max(size.width, size.height) <= max_side) {
    return {size, {pixels.begin(), pixels.end()}};
  }
  const std::array<float, 256> linear_light = make_linear_light();
  const image_size small = shrunk(size, max_side);
  const auto across = make_coverages(size.width, small.width);
  const std::size_t row_bytes = at(size.width) * at(size.channels);

  image out{small, {}};
  out.pixels.reserve(byte_count(small));
  std::vector<float> sums(at(small.width) * at(small.channels));
  for (const coverage& row : make_coverages(size.height, small.height)) {
    stop_if_cancelled();
    std::fill(sums.begin(), sums.end(), 0.F);
    std::size_t start = at(row.first) * row_bytes;
    for (const float share : row.shares) {
      add_row(pixels.subspan(start, row_bytes), across, share, linear_light, size.channels, sums);
      start += row_bytes;
    }
    std::transform(sums.begin(), sums.end(), std::back_inserter(out.pixels), to_srgb);
  }
  return out;
}

}  // namespace photos
