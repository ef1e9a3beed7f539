// SPDX-License-Identifier: Apache-2.0
#include "picture_file.hpp"

#include "picture_format.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <vector>

namespace {

using photos::image;

std::filesystem::path photo(const char* name) {
  return std::filesystem::path(PHOTOS_FOLDER) / name;
}

image make_ramp(int channels) {
  image out{{50, 40, channels}, {}};
  for (int i = 0; i < 50 * 40 * channels; ++i) {
    out.pixels.push_back(static_cast<std::uint8_t>(i / channels / 50 * 6));
  }
  return out;
}

}  // namespace

TEST_CASE("picture file: reads PNG and JPEG photos", "[photos][picture_file]") {
  CHECK(photos::read_picture(photo("chelsea.png")).size == photos::image_size{451, 300, 3});
  CHECK(photos::read_picture(photo("rocket.jpg")).size == photos::image_size{640, 427, 3});
}

TEST_CASE("picture file: PNG gives back the very pixels", "[photos][picture_file]") {
  for (const int channels : {1, 3}) {
    const image ramp = make_ramp(channels);
    CHECK(photos::decode_png(photos::encode_png(ramp)) == ramp);
  }
}

TEST_CASE("picture file: JPEG gives back nearly the pixels", "[photos][picture_file]") {
  for (const int channels : {1, 3}) {
    const image ramp = make_ramp(channels);
    const image back = photos::decode_jpeg(photos::encode_jpeg(ramp));
    REQUIRE(back.size == ramp.size);
    int worst = 0;
    for (std::size_t i = 0; i < ramp.pixels.size(); ++i) {
      worst = std::max(worst, std::abs(int{ramp.pixels[i]} - int{back.pixels[i]}));
    }
    CHECK(worst <= 8);
  }
}

TEST_CASE("picture file: a cut-off file is an error at every length", "[photos][picture_file]") {
  const auto png = photos::encode_png(make_ramp(3));
  for (std::size_t length = 0; length < png.size() - 12; ++length) {  // 12: the end marker
    CHECK_THROWS_AS(photos::decode_png({png.data(), length}), photos::picture_error);
  }
  const auto jpeg = photos::encode_jpeg(make_ramp(3));
  for (std::size_t length = 0; length < jpeg.size() - 2; ++length) {
    CHECK_THROWS_AS(photos::decode_jpeg({jpeg.data(), length}), photos::picture_error);
  }
}

TEST_CASE("picture file: absurd sizes are refused before memory is taken",
          "[photos][picture_file]") {
  auto png = photos::encode_png(make_ramp(1));
  for (std::size_t i = 16; i < 24; ++i) png[i] = i % 4 == 0 ? 0 : 0xFF;  // width and height
  CHECK_THROWS_AS(photos::decode_png(png), photos::picture_error);

  auto jpeg = photos::encode_jpeg(make_ramp(1));
  for (std::size_t i = 0; i + 8 < jpeg.size(); ++i) {
    if (jpeg[i] != 0xFF || jpeg[i + 1] != 0xC0) continue;  // the frame header: height, width
    for (std::size_t k = 5; k < 9; ++k) jpeg[i + k] = 0xF0;
  }
  CHECK_THROWS_WITH(photos::decode_jpeg(jpeg), test::contains("too large"));
  CHECK_THROWS_WITH(photos::checked_size(65535, 1025, 3), test::contains("too large"));
  CHECK_NOTHROW(photos::checked_size(65535, 1024, 3));
}

TEST_CASE("picture file: errors name the file and the reason", "[photos][picture_file]") {
  CHECK_THROWS_WITH(photos::read_picture(photo("README.md")),
                    test::contains("README.md") && test::contains("neither a PNG nor a JPEG"));
  CHECK_THROWS_WITH(photos::read_picture(photo("absent.png")), test::contains("absent.png"));
  CHECK_THROWS_WITH(photos::write_picture(photo("absent/a.png"), make_ramp(1)),
                    test::contains("absent/a.png"));
}
