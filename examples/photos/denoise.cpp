// SPDX-License-Identifier: Apache-2.0
#include "checks.hpp"
#include "filters.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace photos {
namespace {

constexpr int patch_radius = 3;    // patches of 7×7 pixels are compared …
constexpr int search_radius = 10;  // … at 21×21 positions
constexpr int border = patch_radius + search_radius;
constexpr int patch_area = (2 * patch_radius + 1) * (2 * patch_radius + 1);
constexpr int strip_rows = 24;  // so that the sums of a strip stay in the second-level cache

std::size_t at(int index) { return static_cast<std::size_t>(index); }

/// Returns the position inside [0, count) that `index` shows in a mirror at both ends.
int mirrored(int index, int count) {
  while (index < 0 || index >= count) index = index < 0 ? -index - 1 : 2 * count - index - 1;
  return index;
}

/// The picture, one plane of floats a channel, continued by its mirror image on all four sides, so
/// that the inner loops need no case for the border. Floats hold all sums of this file's
/// differences exactly (below 2^24).
class planes {
 public:
  planes(image_size size, std::span<const std::uint8_t> pixels)
      : stride_(size.width + 2 * border),
        rows_(size.height + 2 * border),
        values_(at(stride_) * at(rows_) * at(size.channels)) {
    auto out = values_.begin();
    for (int channel = 0; channel < size.channels; ++channel) {
      for (int y = -border; y < size.height + border; ++y) {
        const std::size_t row = at(mirrored(y, size.height)) * at(size.width);
        for (int x = -border; x < size.width + border; ++x) {
          const std::size_t pixel = row + at(mirrored(x, size.width));
          *out++ = static_cast<float>(pixels[pixel * at(size.channels) + at(channel)]);
        }
      }
    }
  }

  /// Returns the address of a pixel; x and y may lie up to `border` outside of the picture.
  const float* pixel(int channel, int x, int y) const {
    return values_.data() + (at(channel) * at(rows_) + at(y + border)) * at(stride_) +
           at(x + border);
  }

 private:
  int stride_;
  int rows_;
  std::vector<float> values_;
};

/// exp(−max(d − 2σ², 0) / h²) for the mean squared difference d of two patches, as a table over the
/// sum of squared differences: the two patches differ by 2σ² from noise alone.
class weight_table {
 public:
  weight_table(float strength, int channels) {
    const double noise = 2.0 * strength * strength;
    const double h = 0.4 * strength;
    const double farthest = noise + h * h * std::log(4096.0);  // weights below 1/4096 count as 0
    const double area = double{patch_area} * channels;
    scale_ = static_cast<float>((steps - 1) / (farthest * area));
    for (int i = 0; i + 1 < steps; ++i) {
      const double distance = i * farthest / (steps - 1);
      weights_[at(i)] = static_cast<float>(std::exp(-std::max(distance - noise, 0.0) / (h * h)));
    }
    weights_[steps - 1] = 0;
  }

  float operator()(float squares) const {
    return weights_[at(static_cast<int>(std::min(squares * scale_, float{steps - 1})))];
  }

 private:
  static constexpr int steps = 4096;
  float scale_ = 0;
  std::array<float, steps> weights_{};
};

/// A few rows of the picture: for each pixel the weighted sum of the pixels that look alike. All
/// positions are taken one after the other, so that neighbours share the sums over their patches.
class strip {
 public:
  strip(const planes& source, const weight_table& weights, image_size size)
      : source_(source),
        weights_(weights),
        width_(size.width),
        channels_(size.channels),
        squares_(at(width_ + 2 * patch_radius) * (strip_rows + 2 * patch_radius)),
        columns_(at(width_ + 2 * patch_radius)),
        weight_(at(width_)),
        heaviest_(at(width_) * strip_rows),
        total_(at(width_) * strip_rows),
        sums_(at(width_) * strip_rows * at(channels_)) {}

  void run(int top, int rows, std::uint8_t* out) {
    std::fill(heaviest_.begin(), heaviest_.end(), 0.F);
    std::fill(total_.begin(), total_.end(), 0.F);
    std::fill(sums_.begin(), sums_.end(), 0.F);
    for (int dy = -search_radius; dy <= search_radius; ++dy) {
      stop_if_cancelled();
      for (int dx = -search_radius; dx <= search_radius; ++dx) {
        if (dx != 0 || dy != 0) add_position(top, rows, dx, dy);
      }
    }
    add_pixels_themselves(top, rows);
    write(rows, out);
  }

 private:
  float* squares_row(int row) { return squares_.data() + at(row) * columns_.size(); }

  void add_position(int top, int rows, int dx, int dy) {
    const int padded_rows = rows + 2 * patch_radius;
    for (int row = 0; row < padded_rows; ++row) square_differences(top, row, dx, dy);
    std::fill(columns_.begin(), columns_.end(), 0.F);
    for (int row = 0; row < 2 * patch_radius; ++row) add_to_columns(squares_row(row));
    for (int row = 0; row < rows; ++row) {
      add_to_columns(squares_row(row + 2 * patch_radius));
      look_up_weights();
      add_weighted_pixels(row, top + row, dx, dy);
      subtract_from_columns(squares_row(row));
    }
  }

  void square_differences(int top, int row, int dx, int dy) {
    float* out = squares_row(row);
    const int count = width_ + 2 * patch_radius;
    const int y = top + row - patch_radius;
    for (int channel = 0; channel < channels_; ++channel) {
      const float* here = source_.pixel(channel, -patch_radius, y);
      const float* there = source_.pixel(channel, dx - patch_radius, y + dy);
      for (int x = 0; x < count; ++x) {
        const float difference = here[x] - there[x];
        out[x] = (channel == 0 ? 0.F : out[x]) + difference * difference;
      }
    }
  }

  void add_to_columns(const float* row) {
    for (std::size_t x = 0; x < columns_.size(); ++x) columns_[x] += row[x];
  }

  void subtract_from_columns(const float* row) {
    for (std::size_t x = 0; x < columns_.size(); ++x) columns_[x] -= row[x];
  }

  void look_up_weights() {
    const float* columns = columns_.data();
    float* weights = weight_.data();
    for (int x = 0; x < width_; ++x) {
      float squares = 0;
      for (int i = 0; i <= 2 * patch_radius; ++i) squares += columns[x + i];
      weights[x] = squares;
    }
    for (int x = 0; x < width_; ++x) weights[x] = weights_(weights[x]);
  }

  void add_weighted_pixels(int row, int y, int dx, int dy) {
    const float* weights = weight_.data();
    float* heaviest = heaviest_.data() + at(row) * at(width_);
    float* total = total_.data() + at(row) * at(width_);
    for (int x = 0; x < width_; ++x) {
      heaviest[x] = std::max(heaviest[x], weights[x]);
      total[x] += weights[x];
    }
    for (int channel = 0; channel < channels_; ++channel) {
      const float* there = source_.pixel(channel, dx, y + dy);
      float* sum = sums(channel, row);
      for (int x = 0; x < width_; ++x) sum[x] += weights[x] * there[x];
    }
  }

  // A patch equals itself, noise included: with its own weight of 1 a pixel in a busy place would
  // keep its noise. It counts as much as the best of the others.
  void add_pixels_themselves(int top, int rows) {
    for (int row = 0; row < rows; ++row) {
      for (int x = 0; x < width_; ++x) {
        const std::size_t i = at(row) * at(width_) + at(x);
        const float weight = heaviest_[i] > 0 ? heaviest_[i] : 1.F;
        total_[i] += weight;
        for (int channel = 0; channel < channels_; ++channel) {
          sums(channel, row)[x] += weight * *source_.pixel(channel, x, top + row);
        }
      }
    }
  }

  void write(int rows, std::uint8_t* out) {
    for (int row = 0; row < rows; ++row) {
      for (int x = 0; x < width_; ++x) {
        const float total = total_[at(row) * at(width_) + at(x)];
        for (int channel = 0; channel < channels_; ++channel) {
          *out++ = static_cast<std::uint8_t>(sums(channel, row)[x] / total + 0.5F);
        }
      }
    }
  }

  float* sums(int channel, int row) {
    return sums_.data() + (at(channel) * strip_rows + at(row)) * at(width_);
  }

  const planes& source_;
  const weight_table& weights_;
  int width_;
  int channels_;
  std::vector<float> squares_;   // squared differences of single pixels, patch_radius on all sides
  std::vector<float> columns_;   // their sums over the 7 rows around the current row
  std::vector<float> weight_;    // of the current row
  std::vector<float> heaviest_;  // over all positions so far
  std::vector<float> total_;
  std::vector<float> sums_;
};

}  // namespace

image denoise(image_size size, std::span<const std::uint8_t> pixels, float strength) {
  check_picture(size, pixels.size());
  check_range("strength", strength, 100.F);
  image out{size, std::vector<std::uint8_t>(byte_count(size))};
  const planes source(size, pixels);
  const weight_table weights(strength, size.channels);
  strip rows(source, weights, size);
  for (int top = 0; top < size.height; top += strip_rows) {
    const std::size_t start = at(top) * at(size.width) * at(size.channels);
    rows.run(top, std::min(strip_rows, size.height - top), out.pixels.data() + start);
  }
  return out;
}

}  // namespace photos
