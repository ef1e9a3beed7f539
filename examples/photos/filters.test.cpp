// SPDX-License-Identifier: Apache-2.0
#include "filters.hpp"

#include "support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <stdexcept>
#include <vector>

namespace {

using photos::image;
using photos::image_size;

template <class Function>
image make_image(image_size size, const Function& value) {
  image out{size, {}};
  for (int y = 0; y < size.height; ++y) {
    for (int x = 0; x < size.width; ++x) {
      for (int channel = 0; channel < size.channels; ++channel) {
        out.pixels.push_back(static_cast<std::uint8_t>(value(x, y, channel)));
      }
    }
  }
  return out;
}

image make_flat(image_size size, int value) {
  return make_image(size, [value](int, int, int) { return value; });
}

/// Flat, with noise of a known standard deviation. The generator is fixed by the standard, the sum
/// of three of its values is nearly normal.
image make_noisy(image_size size, int value, int spread) {
  std::mt19937 random(7);
  return make_image(size, [&](int, int, int) {
    const auto draw = [&] {
      return static_cast<int>(random() % unsigned(2 * spread + 1)) - spread;
    };
    return value + draw() + draw() + draw();
  });
}

double mean(const image& picture) {
  double sum = 0;
  for (const std::uint8_t value : picture.pixels) sum += value;
  return sum / static_cast<double>(picture.pixels.size());
}

double deviation(const image& picture) {
  const double middle = mean(picture);
  double sum = 0;
  for (const std::uint8_t value : picture.pixels) sum += (value - middle) * (value - middle);
  return std::sqrt(sum / static_cast<double>(picture.pixels.size()));
}

int at(const image& picture, int x, int y) {
  return picture.pixels[static_cast<std::size_t>(y * picture.size.width + x)];
}

const float not_a_number = std::numeric_limits<float>::quiet_NaN();

}  // namespace

TEST_CASE("denoise: leaves a flat picture as it is", "[photos][denoise]") {
  for (const int channels : {1, 3}) {
    for (const image_size size :
         {image_size{1, 1, channels}, {5, 2, channels}, {40, 30, channels}}) {
      const image flat = make_flat(size, 117);
      CHECK(photos::denoise(size, flat.pixels, 5.F) == flat);
    }
  }
}

TEST_CASE("denoise: removes most noise of the named strength", "[photos][denoise]") {
  const image noisy = make_noisy({64, 48, 3}, 128, 6);
  const auto strength = static_cast<float>(deviation(noisy));
  const image clean = photos::denoise(noisy.size, noisy.pixels, strength);
  CHECK(deviation(clean) < 0.2 * deviation(noisy));
  CHECK(std::abs(mean(clean) - mean(noisy)) < 0.6);
}

TEST_CASE("denoise: keeps an edge that is higher than the noise", "[photos][denoise]") {
  const image step = make_image({40, 20, 1}, [](int x, int, int) { return x < 20 ? 60 : 160; });
  CHECK(photos::denoise(step.size, step.pixels, 5.F) == step);
}

TEST_CASE("denoise: gives the same bytes each time, wherever strips end", "[photos][denoise]") {
  const image noisy = make_noisy({33, 61, 3}, 100, 10);
  const image first = photos::denoise(noisy.size, noisy.pixels, 10.F);
  CHECK(photos::denoise(noisy.size, noisy.pixels, 10.F) == first);
}

TEST_CASE("edges: finds a step, one pixel thin, and nothing else", "[photos][edges]") {
  const image step = make_image({32, 16, 3}, [](int x, int, int) { return x < 16 ? 40 : 200; });
  const image found = photos::edges(step.size, step.pixels, 10.F);
  REQUIRE(found.size == image_size{32, 16, 1});
  for (int y = 0; y < 16; ++y) {
    for (int x = 0; x < 32; ++x) {
      if (at(found, x, y) != 0) CHECK((x == 15 || x == 16));
    }
    CHECK((at(found, 15, y) == 0) != (at(found, 16, y) == 0));
  }
}

TEST_CASE("edges: draws nothing where no edge is steep enough", "[photos][edges]") {
  const image flat = make_flat({20, 20, 3}, 90);
  const image ramp = make_image({20, 20, 1}, [](int x, int, int) { return 3 * x; });
  const image empty = make_flat({20, 20, 1}, 0);
  CHECK(photos::edges(flat.size, flat.pixels, 1.F) == empty);
  CHECK(photos::edges(ramp.size, ramp.pixels, 10.F) == empty);
}

TEST_CASE("edges: follows a steep edge to where it is less steep", "[photos][edges]") {
  // The step falls from 160 at the top to 60 at the bottom.
  const image fading =
      make_image({32, 100, 1}, [](int x, int y, int) { return x < 16 ? 20 : 20 + 160 - y; });
  const image found = photos::edges(fading.size, fading.pixels, 30.F);
  CHECK(std::max(at(found, 15, 95), at(found, 16, 95)) > 0);
  // Alone, the lower part is below the threshold.
  const std::size_t half = fading.pixels.size() / 2;
  const std::vector<std::uint8_t> lower(fading.pixels.begin() + static_cast<std::ptrdiff_t>(half),
                                        fading.pixels.end());
  const image alone = photos::edges({32, 50, 1}, lower, 60.F);
  CHECK(std::all_of(alone.pixels.begin(), alone.pixels.end(), [](int v) { return v == 0; }));
}

TEST_CASE("thumbnail: keeps the aspect and the longer side", "[photos][thumbnail]") {
  const image wide = make_flat({600, 400, 3}, 50);
  CHECK(photos::thumbnail(wide.size, wide.pixels, 160).size == image_size{160, 107, 3});
  const image high = make_flat({2, 1000, 1}, 50);
  CHECK(photos::thumbnail(high.size, high.pixels, 100).size == image_size{1, 100, 1});
}

TEST_CASE("thumbnail: keeps the mean light", "[photos][thumbnail]") {
  const image flat = make_flat({101, 67, 3}, 180);
  const image small = photos::thumbnail(flat.size, flat.pixels, 32);
  CHECK(std::all_of(small.pixels.begin(), small.pixels.end(), [](int v) { return v == 180; }));

  // Half black, half white is half the light: 188 in sRGB, not 128.
  const image board = make_image({64, 64, 1}, [](int x, int y, int) { return (x + y) % 2 * 255; });
  const image gray = photos::thumbnail(board.size, board.pixels, 16);
  CHECK(std::all_of(gray.pixels.begin(), gray.pixels.end(), [](int v) { return v == 188; }));
}

TEST_CASE("thumbnail: returns a small picture as it is", "[photos][thumbnail]") {
  const image noisy = make_noisy({20, 30, 3}, 100, 10);
  CHECK(photos::thumbnail(noisy.size, noisy.pixels, 30) == noisy);
}

TEST_CASE("filters: refuse what is no picture", "[photos][filters]") {
  const std::vector<std::uint8_t> pixels(12);
  CHECK_NOTHROW(photos::edges({2, 2, 3}, pixels, 1.F));
  for (const image_size size : {image_size{0, 4, 3},
                                {4, -1, 3},
                                {65536, 1, 1},
                                {2, 3, 2},
                                {2, 2, 1},
                                {2, 3, 3},
                                {65535, 65535, 3}}) {
    CAPTURE(size.width, size.height, size.channels);
    CHECK_THROWS_AS(photos::denoise(size, pixels, 1.F), std::invalid_argument);
    CHECK_THROWS_AS(photos::edges(size, pixels, 1.F), std::invalid_argument);
    CHECK_THROWS_AS(photos::thumbnail(size, pixels, 1), std::invalid_argument);
  }
  CHECK_THROWS_WITH(photos::edges({2, 3, 3}, pixels, 1.F),
                    "a picture of 2 x 3 with 3 channels has 18 bytes, not 12");
}

TEST_CASE("filters: refuse settings out of their range", "[photos][filters]") {
  const image tiny = make_flat({2, 2, 3}, 1);
  for (const float wrong : {0.F, -1.F, 256.F, not_a_number}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(photos::denoise(tiny.size, tiny.pixels, wrong), std::invalid_argument);
    CHECK_THROWS_AS(photos::edges(tiny.size, tiny.pixels, wrong), std::invalid_argument);
  }
  for (const int wrong : {0, -5, 65536}) {
    CHECK_THROWS_AS(photos::thumbnail(tiny.size, tiny.pixels, wrong), std::invalid_argument);
  }
}
