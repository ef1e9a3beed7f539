// SPDX-License-Identifier: Apache-2.0
#include "checks.hpp"
#include "filters.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

namespace photos {
namespace {

constexpr float weak_share = 0.4F;  // of the threshold: where drawing continues

std::size_t at(int index) { return static_cast<std::size_t>(index); }

/// Numbers in the shape of the picture; positions outside of it show the nearest one inside.
template <class T>
class grid {
 public:
  grid(int width, int height) : width_(width), height_(height), values_(at(width) * at(height)) {}

  int width() const { return width_; }
  int height() const { return height_; }
  T& operator()(int x, int y) { return values_[at(y) * at(width_) + at(x)]; }
  T operator()(int x, int y) const { return values_[at(y) * at(width_) + at(x)]; }
  T nearest(int x, int y) const {
    return (*this)(std::clamp(x, 0, width_ - 1), std::clamp(y, 0, height_ - 1));
  }

  template <class Function>
  void fill(const Function& function) {
    for (int y = 0; y < height_; ++y) {
      stop_if_cancelled();
      for (int x = 0; x < width_; ++x) (*this)(x, y) = function(x, y);
    }
  }

 private:
  int width_;
  int height_;
  std::vector<T> values_;
};

/// How bright each pixel is, 0 to 255 × 256 (the weights of Rec. 601).
grid<int> brightness(image_size size, std::span<const std::uint8_t> pixels) {
  grid<int> out(size.width, size.height);
  out.fill([&](int x, int y) {
    const std::size_t pixel = (at(y) * at(size.width) + at(x)) * at(size.channels);
    if (size.channels == 1) return pixels[pixel] * 256;
    return 77 * pixels[pixel] + 150 * pixels[pixel + 1] + 29 * pixels[pixel + 2];
  });
  return out;
}

/// Smooths with the binomial 1 4 6 4 1 in both directions (a Gaussian with σ = 1), so that the
/// grain of the film is no edge.
grid<int> smoothed(const grid<int>& in) {
  grid<int> rows(in.width(), in.height());
  rows.fill([&](int x, int y) {
    return in.nearest(x - 2, y) + 4 * in.nearest(x - 1, y) + 6 * in(x, y) +
           4 * in.nearest(x + 1, y) + in.nearest(x + 2, y);
  });
  grid<int> out(in.width(), in.height());
  out.fill([&](int x, int y) {
    const int sum = rows.nearest(x, y - 2) + 4 * rows.nearest(x, y - 1) + 6 * rows(x, y) +
                    4 * rows.nearest(x, y + 1) + rows.nearest(x, y + 2);
    return sum / 256;
  });
  return out;
}

struct gradient {
  int x = 0;
  int y = 0;
  float steepness = 0;  // grey levels per pixel
};

/// The Sobel operator.
grid<gradient> gradients(const grid<int>& in) {
  grid<gradient> out(in.width(), in.height());
  out.fill([&](int x, int y) {
    const auto value = [&](int dx, int dy) { return in.nearest(x + dx, y + dy); };
    const int right = value(1, -1) + 2 * value(1, 0) + value(1, 1);
    const int left = value(-1, -1) + 2 * value(-1, 0) + value(-1, 1);
    const int below = value(-1, 1) + 2 * value(0, 1) + value(1, 1);
    const int above = value(-1, -1) + 2 * value(0, -1) + value(1, -1);
    gradient g{right - left, below - above, 0};
    const double length = std::sqrt(double(g.x) * g.x + double(g.y) * g.y);
    g.steepness = static_cast<float>(length / (8 * 256));  // 8: the operator's own weight
    return g;
  });
  return out;
}

/// Keeps the crests: a pixel that is as steep as the places one step up and down its slope. Those
/// lie between pixels and are interpolated.
grid<float> crests(const grid<gradient>& in) {
  grid<float> out(in.width(), in.height());
  out.fill([&](int x, int y) {
    const gradient g = in(x, y);
    const bool mostly_across = std::abs(g.x) >= std::abs(g.y);
    const int longer = mostly_across ? g.x : g.y;
    const int shorter = mostly_across ? g.y : g.x;
    if (longer == 0) return 0.F;
    const float slant = std::abs(static_cast<float>(shorter) / static_cast<float>(longer));
    const int step = longer > 0 ? 1 : -1;
    const int side = shorter > 0 ? 1 : -1;
    const auto steepness_at = [&](int direction) {
      const int along = direction * step;
      const int aside = direction * side;
      const gradient straight = mostly_across ? in.nearest(x + along, y) : in.nearest(x, y + along);
      const gradient diagonal =
          mostly_across ? in.nearest(x + along, y + aside) : in.nearest(x + aside, y + along);
      return (1 - slant) * straight.steepness + slant * diagonal.steepness;
    };
    // Strict on one side only: of two equal neighbours, exactly one is the crest.
    return g.steepness > steepness_at(-1) && g.steepness >= steepness_at(1) ? g.steepness : 0.F;
  });
  return out;
}

/// Draws the crests that are steep, and from there on those that are only less steep.
image drawn(const grid<float>& crest, float threshold) {
  image out{{crest.width(), crest.height(), 1}, {}};
  out.pixels.resize(byte_count(out.size));
  std::vector<std::size_t> open;  // drawn, neighbours not yet looked at
  const auto draw = [&](int x, int y) {
    const std::size_t pixel = at(y) * at(out.size.width) + at(x);
    if (out.pixels[pixel] != 0) return;
    const float gray = 64 + 191 * std::min(crest(x, y) / (2 * threshold), 1.F);
    out.pixels[pixel] = static_cast<std::uint8_t>(gray);
    open.push_back(pixel);
  };
  for (int y = 0; y < crest.height(); ++y) {
    stop_if_cancelled();
    for (int x = 0; x < crest.width(); ++x) {
      if (crest(x, y) >= threshold) draw(x, y);
      while (!open.empty()) {
        const int here_x = static_cast<int>(open.back() % at(crest.width()));
        const int here_y = static_cast<int>(open.back() / at(crest.width()));
        open.pop_back();
        for (int near_y = std::max(here_y - 1, 0);
             near_y <= std::min(here_y + 1, crest.height() - 1); ++near_y) {
          for (int near_x = std::max(here_x - 1, 0);
               near_x <= std::min(here_x + 1, crest.width() - 1); ++near_x) {
            if (crest(near_x, near_y) >= weak_share * threshold) draw(near_x, near_y);
          }
        }
      }
    }
  }
  return out;
}

}  // namespace

image edges(image_size size, std::span<const std::uint8_t> pixels, float threshold) {
  check_picture(size, pixels.size());
  check_range("threshold", threshold, 255.F);
  return drawn(crests(gradients(smoothed(brightness(size, pixels)))), threshold);
}

}  // namespace photos
