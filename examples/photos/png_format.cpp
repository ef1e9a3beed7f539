// SPDX-License-Identifier: Apache-2.0
#include "checks.hpp"
#include "picture_file.hpp"
#include "picture_format.hpp"

#include <png.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace photos {
namespace {

/// libpng's simplified interface: it returns false with a message, and never jumps.
class png_codec {
 public:
  png_codec() { state_.version = PNG_IMAGE_VERSION; }
  ~png_codec() { png_image_free(&state_); }
  png_codec(const png_codec&) = delete;
  png_codec& operator=(const png_codec&) = delete;

  png_image* operator->() { return &state_; }
  png_image* get() { return &state_; }

  // Warnings, too, are errors when reading: a cut-off file would give a half-empty picture.
  void check(int succeeded) const {
    if (succeeded == 0) throw picture_error(std::string("PNG: ") + state_.message);
  }

 private:
  png_image state_{};
};

}  // namespace

bool is_png(std::span<const std::uint8_t> file) {
  constexpr std::array<std::uint8_t, 8> magic{0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  return file.size() >= magic.size() && std::equal(magic.begin(), magic.end(), file.begin());
}

image decode_png(std::span<const std::uint8_t> file) {
  png_codec png;
  png.check(png_image_begin_read_from_memory(png.get(), file.data(), file.size()));
  const bool colour = (png->format & PNG_FORMAT_FLAG_COLOR) != 0;
  image out{checked_size(png->width, png->height, colour ? 3 : 1), {}};
  out.pixels.resize(byte_count(out.size));
  png->format = colour ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  const png_color white{255, 255, 255};
  png.check(png_image_finish_read(png.get(), &white, out.pixels.data(), 0, nullptr));
  return out;
}

std::vector<std::uint8_t> encode_png(const image& picture) {
  png_codec png;
  png->width = static_cast<png_uint_32>(picture.size.width);
  png->height = static_cast<png_uint_32>(picture.size.height);
  png->format = picture.size.channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  const std::uint8_t* pixels = picture.pixels.data();
  // Once to learn the size, once to write: twice the work, and no guess.
  png_alloc_size_t size = 0;
  png.check(png_image_write_to_memory(png.get(), nullptr, &size, 0, pixels, 0, nullptr));
  std::vector<std::uint8_t> out(size);
  png.check(png_image_write_to_memory(png.get(), out.data(), &size, 0, pixels, 0, nullptr));
  out.resize(size);
  return out;
}

}  // namespace photos
