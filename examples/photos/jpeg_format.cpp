// SPDX-License-Identifier: Apache-2.0
#include "checks.hpp"
#include "picture_file.hpp"
#include "picture_format.hpp"

#include <array>
#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <vector>

// Comes after <cstdio>, as it uses size_t and FILE without including them.
#include <jpeglib.h>

namespace photos {
namespace {

// libjpeg reports errors by a call that must not return. It is C, so it cannot let exceptions pass;
// we jump instead. A jump runs no destructors: all functions that it may leave (those that take a
// `jpeg_errors`) hold nothing but plain values, and what they fill belongs to their callers.

struct jpeg_errors {
  jpeg_error_mgr base{};  // first: libjpeg hands us its address
  std::jmp_buf back{};
  std::array<char, JMSG_LENGTH_MAX> message{};
};

jpeg_errors& errors_of(j_common_ptr jpeg) { return *reinterpret_cast<jpeg_errors*>(jpeg->err); }

[[noreturn]] void fail(j_common_ptr jpeg) {
  jpeg_errors& errors = errors_of(jpeg);
  errors.base.format_message(jpeg, errors.message.data());
  std::longjmp(errors.back, 1);
}

// Level −1 is a warning: the file is damaged or cut off, and libjpeg would invent what is missing.
void fail_on_warning(j_common_ptr jpeg, int level) {
  if (level < 0) fail(jpeg);
}

void prepare(jpeg_errors& errors) {
  jpeg_std_error(&errors.base);
  errors.base.error_exit = fail;
  errors.base.emit_message = fail_on_warning;
}

[[noreturn]] void throw_message(const jpeg_errors& errors) {
  throw picture_error(std::string("JPEG: ") + errors.message.data());
}

bool read_header(jpeg_decompress_struct& jpeg, jpeg_errors& errors,
                 std::span<const std::uint8_t> file) {
  if (setjmp(errors.back) != 0) return false;
  jpeg_create_decompress(&jpeg);
  jpeg_mem_src(&jpeg, file.data(), file.size());
  jpeg_read_header(&jpeg, TRUE);
  return true;
}

bool read_rows(jpeg_decompress_struct& jpeg, jpeg_errors& errors, std::uint8_t* pixels,
               std::size_t row_bytes) {
  if (setjmp(errors.back) != 0) return false;
  jpeg_start_decompress(&jpeg);
  while (jpeg.output_scanline < jpeg.output_height) {
    JSAMPROW row = pixels + jpeg.output_scanline * row_bytes;
    jpeg_read_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_decompress(&jpeg);
  return true;
}

bool write_rows(jpeg_compress_struct& jpeg, jpeg_errors& errors, image_size size,
                const std::uint8_t* pixels, unsigned char** out, unsigned long* out_bytes) {
  if (setjmp(errors.back) != 0) return false;
  jpeg_create_compress(&jpeg);
  jpeg_mem_dest(&jpeg, out, out_bytes);
  jpeg.image_width = static_cast<JDIMENSION>(size.width);
  jpeg.image_height = static_cast<JDIMENSION>(size.height);
  jpeg.input_components = size.channels;
  jpeg.in_color_space = size.channels == 3 ? JCS_RGB : JCS_GRAYSCALE;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, 92, TRUE);
  jpeg.comp_info[0].h_samp_factor = 1;  // colour as sharp as brightness
  jpeg.comp_info[0].v_samp_factor = 1;
  jpeg_start_compress(&jpeg, TRUE);
  const std::size_t row_bytes =
      static_cast<std::size_t>(size.width) * static_cast<std::size_t>(size.channels);
  while (jpeg.next_scanline < jpeg.image_height) {
    // libjpeg only reads the row; its interface is older than const.
    JSAMPROW row = const_cast<JSAMPROW>(pixels + jpeg.next_scanline * row_bytes);
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  return true;
}

struct destroy_jpeg {
  void operator()(jpeg_decompress_struct* jpeg) const { jpeg_destroy_decompress(jpeg); }
  void operator()(jpeg_compress_struct* jpeg) const { jpeg_destroy_compress(jpeg); }
};

}  // namespace

bool is_jpeg(std::span<const std::uint8_t> file) {
  return file.size() >= 3 && file[0] == 0xFF && file[1] == 0xD8 && file[2] == 0xFF;
}

image decode_jpeg(std::span<const std::uint8_t> file) {
  jpeg_errors errors;
  prepare(errors);
  jpeg_decompress_struct jpeg{};
  jpeg.err = &errors.base;
  const std::unique_ptr<jpeg_decompress_struct, destroy_jpeg> owner(&jpeg);
  if (!read_header(jpeg, errors, file)) throw_message(errors);
  const bool grey = jpeg.jpeg_color_space == JCS_GRAYSCALE;
  jpeg.out_color_space = grey ? JCS_GRAYSCALE : JCS_RGB;
  image out{checked_size(jpeg.image_width, jpeg.image_height, grey ? 1 : 3), {}};
  out.pixels.resize(byte_count(out.size));
  const std::size_t row_bytes = out.pixels.size() / jpeg.image_height;
  if (!read_rows(jpeg, errors, out.pixels.data(), row_bytes)) throw_message(errors);
  return out;
}

std::vector<std::uint8_t> encode_jpeg(const image& picture) {
  jpeg_errors errors;
  prepare(errors);
  jpeg_compress_struct jpeg{};
  jpeg.err = &errors.base;
  const std::unique_ptr<jpeg_compress_struct, destroy_jpeg> owner(&jpeg);
  unsigned char* bytes = nullptr;
  unsigned long count = 0;
  const bool done = write_rows(jpeg, errors, picture.size, picture.pixels.data(), &bytes, &count);
  const std::unique_ptr<unsigned char, decltype(&std::free)> out(bytes, std::free);
  if (!done) throw_message(errors);
  return {bytes, bytes + count};
}

}  // namespace photos
