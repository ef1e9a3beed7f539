// SPDX-License-Identifier: Apache-2.0
// The filters for a device: nvcc compiles them for a GPU; any other compiler, as C++, for the host
// device. Only `for_each` and `exchange_if` differ. The sums are taken in the CPU's order.
#include "checks.hpp"
#include "device_filters.hpp"

#include <cfloat>
#include <chrono>
#include <cmath>

#ifdef __CUDACC__
#define ON_DEVICE __device__
#else
#define ON_DEVICE
#endif

namespace photos::on_device {
namespace {

#ifdef __CUDACC__
constexpr unsigned block = 128;

template <class Step>
__global__ void run_each(int count, Step step) {
  const int i = static_cast<int>(blockIdx.x * block + threadIdx.x);
  if (i < count) step(i);
}
/// Has the device call `step(i)` for each index below `count`, behind what it was given before.
template <class Step>
void for_each(int count, const Step& step) {
  run_each<<<(static_cast<unsigned>(count) + block - 1) / block, block, 0, modal::this_stream()>>>(
      count, step);
}
/// Writes `value` to `*where` if that is `expected`. Returns what was there.
__device__ int exchange_if(int* where, int expected, int value) {
  return atomicCAS(where, expected, value);
}
#else
template <class Step>
void for_each(int count, const Step& step) {
  for (int i = 0; i < count; ++i) {
    if (i % 1024 == 0) stop_if_cancelled();
    step(i);
  }
}
int exchange_if(int* where, int expected, int value) {
  const int found = *where;
  if (found == expected) *where = value;
  return found;
}
#endif

// A device counts pixels in an int, and the denoised picture needs a frame.
constexpr std::size_t most_values = std::size_t{1} << 29;

int count_of(image_size size, modal::device_span<const std::uint8_t> pixels) {
  check_picture(size, pixels.size());
  if (byte_count(size) > most_values)
    throw std::invalid_argument("the picture is too large for a device");
  return size.width * size.height;
}

// --- denoise ------------------------------------------------------------------------------------

constexpr int patch_radius = 3;
constexpr int search_radius = 10;
constexpr int border = patch_radius + search_radius;
constexpr int patch_side = 2 * patch_radius + 1;
constexpr int steps = 4096;

ON_DEVICE int mirrored(int index, int count) {
  while (index < 0 || index >= count) index = index < 0 ? -index - 1 : 2 * count - index - 1;
  return index;
}

/// One plane of floats a channel, continued by its mirror image on all sides.
struct pad {
  image_size size;
  int stride, rows;
  const std::uint8_t* pixels;
  float* planes;

  ON_DEVICE void operator()(int i) const {
    const int x = mirrored(i % stride - border, size.width);
    const int y = mirrored(i / stride % rows - border, size.height);
    const int channel = i / stride / rows;
    planes[i] = static_cast<float>(pixels[(y * size.width + x) * size.channels + channel]);
  }
};

/// The weight of a patch by the sum of its squared differences; see `denoise.cpp`.
struct make_weights {
  double noise, h, farthest;
  float* weights;

  ON_DEVICE void operator()(int i) const {
    const double distance = i * farthest / (steps - 1);
    const double excess = distance > noise ? distance - noise : 0.0;
    weights[i] = i + 1 < steps ? static_cast<float>(exp(-excess / (h * h))) : 0.F;
  }
};

struct denoise_pixel {
  image_size size;
  int stride, rows;
  float scale;
  const float* planes;
  const float* weights;
  std::uint8_t* out;

  ON_DEVICE const float* plane_at(int channel, int x, int y) const {
    return planes + (channel * rows + y + border) * stride + x + border;
  }
  ON_DEVICE float weight_of(int x, int y, int dx, int dy) const {
    float squares = 0;
    for (int channel = 0; channel < size.channels; ++channel) {
      const float* here = plane_at(channel, x - patch_radius, y - patch_radius);
      const float* there = plane_at(channel, x + dx - patch_radius, y + dy - patch_radius);
      for (int row = 0; row < patch_side; ++row, here += stride, there += stride)
        for (int column = 0; column < patch_side; ++column) {
          const float difference = here[column] - there[column];
          squares += difference * difference;
        }
    }
    const float index = squares * scale;
    return weights[index < float{steps - 1} ? static_cast<int>(index) : steps - 1];
  }
  ON_DEVICE void operator()(int i) const {
    const int x = i % size.width;
    const int y = i / size.width;
    float heaviest = 0;
    float total = 0;
    float sums[3] = {0, 0, 0};
    const auto add = [&](float weight, int dx, int dy) {
      total += weight;
      for (int channel = 0; channel < size.channels; ++channel)
        sums[channel] += weight * *plane_at(channel, x + dx, y + dy);
    };
    for (int dy = -search_radius; dy <= search_radius; ++dy)
      for (int dx = -search_radius; dx <= search_radius; ++dx) {
        if (dx == 0 && dy == 0) continue;
        const float weight = weight_of(x, y, dx, dy);
        if (weight > heaviest) heaviest = weight;
        add(weight, dx, dy);
      }
    add(heaviest > 0 ? heaviest : 1.F, 0, 0);
    for (int channel = 0; channel < size.channels; ++channel)
      out[i * size.channels + channel] = static_cast<std::uint8_t>(sums[channel] / total + 0.5F);
  }
};

// --- edges --------------------------------------------------------------------------------------

struct grid_size {
  int width, height;

  ON_DEVICE int nearest(int x, int y) const {
    x = x < 0 ? 0 : x < width ? x : width - 1;
    y = y < 0 ? 0 : y < height ? y : height - 1;
    return y * width + x;
  }
};

struct brightness {
  int channels;
  const std::uint8_t* pixels;
  int* out;

  ON_DEVICE void operator()(int i) const {
    const std::uint8_t* pixel = pixels + i * channels;
    out[i] = channels == 1 ? pixel[0] * 256 : 77 * pixel[0] + 150 * pixel[1] + 29 * pixel[2];
  }
};

/// 1 4 6 4 1 in one direction.
struct smooth {
  grid_size grid;
  int dx, dy, divisor;
  const int* in;
  int* out;

  ON_DEVICE void operator()(int i) const {
    const int x = i % grid.width;
    const int y = i / grid.width;
    const auto value = [&](int step) { return in[grid.nearest(x + step * dx, y + step * dy)]; };
    out[i] = (value(-2) + 4 * value(-1) + 6 * value(0) + 4 * value(1) + value(2)) / divisor;
  }
};

struct gradient {
  int x, y;
  float steepness;
};

/// The Sobel operator.
struct find_gradients {
  grid_size grid;
  const int* in;
  gradient* out;

  ON_DEVICE void operator()(int i) const {
    const int x = i % grid.width;
    const int y = i / grid.width;
    const auto value = [&](int dx, int dy) { return in[grid.nearest(x + dx, y + dy)]; };
    const int right = value(1, -1) + 2 * value(1, 0) + value(1, 1);
    const int left = value(-1, -1) + 2 * value(-1, 0) + value(-1, 1);
    const int below = value(-1, 1) + 2 * value(0, 1) + value(1, 1);
    const int above = value(-1, -1) + 2 * value(0, -1) + value(1, -1);
    gradient g{right - left, below - above, 0};
    const double length = sqrt(double(g.x) * g.x + double(g.y) * g.y);
    g.steepness = static_cast<float>(length / (8 * 256));
    out[i] = g;
  }
};

struct find_crests {
  grid_size grid;
  const gradient* in;
  float* out;

  ON_DEVICE float steepness(int x, int y) const { return in[grid.nearest(x, y)].steepness; }
  ON_DEVICE void operator()(int i) const {
    const int x = i % grid.width;
    const int y = i / grid.width;
    const gradient g = in[i];
    const int across = g.x < 0 ? -g.x : g.x;
    const int down = g.y < 0 ? -g.y : g.y;
    const bool mostly_across = across >= down;
    const int longer = mostly_across ? g.x : g.y;
    const int shorter = mostly_across ? g.y : g.x;
    out[i] = 0;
    if (longer == 0) return;
    const float quotient = static_cast<float>(shorter) / static_cast<float>(longer);
    const float slant = quotient < 0 ? -quotient : quotient;
    const auto steepness_at = [&](int direction) {
      const int along = longer > 0 ? direction : -direction;
      const int aside = shorter > 0 ? direction : -direction;
      const float straight = mostly_across ? steepness(x + along, y) : steepness(x, y + along);
      const float diagonal =
          mostly_across ? steepness(x + along, y + aside) : steepness(x + aside, y + along);
      return (1 - slant) * straight + slant * diagonal;
    };
    if (g.steepness > steepness_at(-1) && g.steepness >= steepness_at(1)) out[i] = g.steepness;
  }
};

/// How bright a crest is drawn.
ON_DEVICE std::uint8_t gray_of(float crest, float threshold) {
  const float share = crest / (2 * threshold);
  return static_cast<std::uint8_t>(64 + 191 * (share < 1 ? share : 1.F));
}

/// Crests that touch belong together, and are drawn where one of them is steep enough. Each set of
/// them is a tree in which a pixel refers to one before it; the first of all is its root. Others
/// may change the trees at the same time: a root only ever comes to refer to an earlier one.
/// **Source**: D. P. Playne, K. Hawick, "A New Algorithm for Parallel Connected-Component Labelling
/// on GPUs", 2018.
struct trees {
  volatile int* parents;  ///< -1: no crest

  ON_DEVICE int root_of(int i) const {
    while (parents[i] != i) {
      const int next = parents[parents[i]];
      parents[i] = next;  // shorter for whoever comes next
      i = next;
    }
    return i;
  }
  ON_DEVICE void unite(int a, int b) const {
    for (;;) {
      a = root_of(a);
      b = root_of(b);
      if (a == b) return;
      if (a < b) {
        const int other = a;
        a = b;
        b = other;
      }
      if (exchange_if(const_cast<int*>(parents) + a, a, b) == a) return;
    }
  }
};

struct begin_trees {
  float threshold;
  const float* crests;
  trees all;
  std::uint8_t* is_steep;  ///< of roots

  ON_DEVICE void operator()(int i) const {
    all.parents[i] = crests[i] >= 0.4F * threshold ? i : -1;
    is_steep[i] = 0;
  }
};

struct unite_neighbours {
  grid_size grid;
  trees all;

  ON_DEVICE void operator()(int i) const {
    if (all.parents[i] < 0) return;
    const int x = i % grid.width;
    const int y = i / grid.width;
    const auto look = [&](int dx, int dy) {
      const int other = grid.nearest(x + dx, y + dy);
      if (other != i && all.parents[other] >= 0) all.unite(i, other);
    };
    look(1, 0);
    look(-1, 1);
    look(0, 1);
    look(1, 1);
  }
};

struct note_steep {
  float threshold;
  const float* crests;
  trees all;
  std::uint8_t* is_steep;

  ON_DEVICE void operator()(int i) const {
    if (crests[i] >= threshold) is_steep[all.root_of(i)] = 1;
  }
};

struct draw {
  float threshold;
  const float* crests;
  trees all;
  const std::uint8_t* is_steep;
  std::uint8_t* out;

  ON_DEVICE void operator()(int i) const {
    const bool is_drawn = all.parents[i] >= 0 && is_steep[all.root_of(i)] != 0;
    out[i] = is_drawn ? gray_of(crests[i], threshold) : std::uint8_t{0};
  }
};

}  // namespace

modal::device_vector<std::uint8_t> denoise(image_size size,
                                           modal::device_span<const std::uint8_t> pixels,
                                           float strength) {
  const int count = count_of(size, pixels);
  check_range("strength", strength, 100.F);
  const int stride = size.width + 2 * border;
  const int rows = size.height + 2 * border;
  const std::size_t padded = static_cast<std::size_t>(stride) * static_cast<std::size_t>(rows) *
                             static_cast<std::size_t>(size.channels);
  if (padded > most_values) throw std::invalid_argument("the picture is too large for a device");
  const double noise = 2.0 * strength * strength;
  const double h = 0.4 * strength;
  const double farthest = noise + h * h * std::log(4096.0);
  const double area = double{patch_side * patch_side} * size.channels;

  const auto planes = modal::this_call().scratch<float>(padded);
  const auto weights = modal::this_call().scratch<float>(steps);
  modal::device_vector<std::uint8_t> out(pixels.size());
  for_each(static_cast<int>(padded), pad{size, stride, rows, pixels.data(), planes.data()});
  for_each(steps, make_weights{noise, h, farthest, weights.data()});
  for_each(count,
           denoise_pixel{size, stride, rows, static_cast<float>((steps - 1) / (farthest * area)),
                         planes.data(), weights.data(), out.data()});
  return out;
}

modal::device_vector<std::uint8_t> edges(image_size size,
                                         modal::device_span<const std::uint8_t> pixels,
                                         float threshold) {
  const int count = count_of(size, pixels);
  check_range("threshold", threshold, 255.F);
  const grid_size grid{size.width, size.height};
  const auto room = static_cast<std::size_t>(count);
  const auto first = modal::this_call().scratch<int>(room);
  const auto second = modal::this_call().scratch<int>(room);
  const auto slopes = modal::this_call().scratch<gradient>(room);
  const auto crests = modal::this_call().scratch<float>(room);
  const auto is_steep = modal::this_call().scratch<std::uint8_t>(room);
  modal::device_vector<std::uint8_t> out(room);
  for_each(count, brightness{size.channels, pixels.data(), first.data()});
  for_each(count, smooth{grid, 1, 0, 1, first.data(), second.data()});
  for_each(count, smooth{grid, 0, 1, 256, second.data(), first.data()});
  for_each(count, find_gradients{grid, first.data(), slopes.data()});
  for_each(count, find_crests{grid, slopes.data(), crests.data()});
  const trees all{first.data()};
  for_each(count, begin_trees{threshold, crests.data(), all, is_steep.data()});
  for_each(count, unite_neighbours{grid, all});
  for_each(count, note_steep{threshold, crests.data(), all, is_steep.data()});
  for_each(count, draw{threshold, crests.data(), all, is_steep.data(), out.data()});
  return out;
}

std::string where(modal::device_span<const std::uint8_t>) {
  return std::string(modal::this_call().device().name);
}

}  // namespace photos::on_device

using namespace std::chrono_literals;

MODAL_FUNCTION(photos::on_device::denoise, .timeout = 120s,
               .description = "Removes noise by non-local means, on a device.")
MODAL_FUNCTION(photos::on_device::edges, .timeout = 60s,
               .description = "Draws the edges, on a device.")
MODAL_FUNCTION(photos::on_device::where, .timeout = 10s,
               .description = "Says which device the others run on.")
