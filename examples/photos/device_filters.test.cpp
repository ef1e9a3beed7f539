// SPDX-License-Identifier: Apache-2.0
#include "device_filters.hpp"

#include "agreement.hpp"
#include "support/catch.hpp"

#include <cmath>
#include <random>

namespace {

using photos::image;
using photos::image_size;

// Waves, a disc and noise.
image make_scene(image_size size) {
  std::mt19937 random(11);
  image out{size, {}};
  for (int y = 0; y < size.height; ++y)
    for (int x = 0; x < size.width; ++x)
      for (int channel = 0; channel < size.channels; ++channel) {
        const double wave = 40 * std::sin(x * 0.2 + channel) + 30 * std::cos(y * 0.13);
        const bool is_inside = (x - 20) * (x - 20) + (y - 15) * (y - 15) < 100;
        const double noise = static_cast<double>(random() % 17) - 8;
        const double value = 120 + wave + (is_inside ? 60 : 0) + noise;
        out.pixels.push_back(static_cast<std::uint8_t>(std::min(std::max(value, 0.0), 255.0)));
      }
  return out;
}

modal::device_span<const std::uint8_t> there(const image& picture) {
  return {picture.pixels.data(), picture.pixels.size()};
}
std::vector<std::uint8_t> here(const modal::device_vector<std::uint8_t>& pixels) {
  return {pixels.span().begin(), pixels.span().end()};
}

}  // namespace

TEST_CASE("device filters: agree with the CPU's", "[photos][device]") {
  for (const image_size size : {image_size{1, 1, 1}, {7, 3, 3}, {45, 33, 3}, {40, 31, 1}}) {
    INFO(size.width << " x " << size.height << ", " << size.channels);
    const image scene = make_scene(size);
    const image clean{size, here(photos::on_device::denoise(size, there(scene), 5.F))};
    CHECK(photos::is_close("denoise", clean, photos::denoise(size, scene.pixels, 5.F)));
    for (const float threshold : {2.F, 8.F}) {
      const image drawn{{size.width, size.height, 1},
                        here(photos::on_device::edges(size, there(scene), threshold))};
      CHECK(photos::is_close("edges", drawn, photos::edges(size, scene.pixels, threshold)));
    }
  }
}

TEST_CASE("device filters: refuse what the CPU's refuse", "[photos][device]") {
  const image scene = make_scene({4, 4, 3});
  CHECK_THROWS_AS(photos::on_device::denoise({4, 5, 3}, there(scene), 5.F), std::invalid_argument);
  CHECK_THROWS_AS(photos::on_device::denoise({4, 4, 3}, there(scene), 0.F), std::invalid_argument);
  CHECK_THROWS_AS(photos::on_device::edges({4, 4, 3}, there(scene), 256.F), std::invalid_argument);
}

TEST_CASE("agreement: says what is close, and what is not", "[photos][device]") {
  const image one{{2, 500, 1}, std::vector<std::uint8_t>(1000, 100)};
  image other = one;
  CHECK(photos::is_close("denoise", one, other));
  other.pixels[7] = 101;
  CHECK(photos::is_close("denoise", one, other));
  CHECK(photos::is_close("edges", one, other));
  CHECK_FALSE(photos::is_close("thumbnail", one, other));
  other.pixels[7] = 103;
  CHECK_FALSE(photos::is_close("denoise", one, other));
  CHECK(photos::is_close("edges", one, other));
  other.pixels[8] = 99;
  CHECK_FALSE(photos::is_close("edges", one, other));
  CHECK_FALSE(photos::is_close("denoise", one, {{500, 2, 1}, one.pixels}));
}
