// SPDX-License-Identifier: Apache-2.0
#include "picture_file.hpp"

#include "checks.hpp"
#include "picture_format.hpp"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <fstream>
#include <ios>
#include <string>
#include <system_error>
#include <vector>

namespace photos {
namespace {

std::string lower_case_ending(const std::filesystem::path& file) {
  std::string ending = file.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return ending;
}

std::vector<std::uint8_t> read_bytes(const std::filesystem::path& file) {
  std::error_code failed;
  const auto size = std::filesystem::file_size(file, failed);
  if (failed) throw picture_error(failed.message());
  if (size > most_file_bytes) throw picture_error("the file is too large");
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(size));
  std::ifstream in(file, std::ios::binary);
  // The cast is how iostreams read bytes.
  in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!in) throw picture_error("the file cannot be read");
  return bytes;
}

void write_bytes(const std::filesystem::path& file, const std::vector<std::uint8_t>& bytes) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(bytes.data()),
            static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out) throw picture_error("the file cannot be written");
}

image decode(const std::vector<std::uint8_t>& bytes) {
  if (is_png(bytes)) return decode_png(bytes);
  if (is_jpeg(bytes)) return decode_jpeg(bytes);
  throw picture_error("it is neither a PNG nor a JPEG file");
}

}  // namespace

bool is_picture_name(const std::filesystem::path& file) {
  const std::string ending = lower_case_ending(file);
  return ending == ".png" || ending == ".jpg" || ending == ".jpeg";
}

image read_picture(const std::filesystem::path& file) {
  try {
    return decode(read_bytes(file));
  } catch (const picture_error& e) {
    throw picture_error("cannot read " + file.string() + ": " + e.what());
  }
}

void write_picture(const std::filesystem::path& file, const image& picture) {
  check_picture(picture.size, picture.pixels.size());
  try {
    write_bytes(file,
                lower_case_ending(file) == ".png" ? encode_png(picture) : encode_jpeg(picture));
  } catch (const picture_error& e) {
    throw picture_error("cannot write " + file.string() + ": " + e.what());
  }
}

image_size checked_size(unsigned width, unsigned height, int channels) {
  const auto most_side = static_cast<unsigned>(longest_side);
  if (width == 0 || height == 0) throw picture_error("the picture is empty");
  if (width > most_side || height > most_side || std::size_t{width} * height > most_pixels) {
    throw picture_error("the picture is too large: " + std::to_string(width) + " x " +
                        std::to_string(height) + " pixels");
  }
  return {static_cast<int>(width), static_cast<int>(height), channels};
}

}  // namespace photos
