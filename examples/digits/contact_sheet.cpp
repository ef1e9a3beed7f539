// SPDX-License-Identifier: Apache-2.0
#include "contact_sheet.hpp"

#include "network.hpp"

#include <png.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

namespace digits {
namespace {

using color = std::array<std::uint8_t, 3>;
constexpr color paper{255, 255, 255};
constexpr color ink{40, 40, 40};
constexpr color red{200, 30, 30};

constexpr std::size_t scale = 2;
constexpr std::size_t margin = 6;
constexpr std::size_t image_side = side * scale;
constexpr std::size_t cell_width = image_side + 2 * margin;
constexpr std::size_t cell_height = image_side + 3 * margin + 5 * scale;
constexpr std::size_t cells_in_row = 12;

// Three columns and five rows each, from the top left.
constexpr std::array<const char*, classes> glyphs{
    "###"
    "# #"
    "# #"
    "# #"
    "###",
    " # "
    "## "
    " # "
    " # "
    "###",
    "###"
    "  #"
    "###"
    "#  "
    "###",
    "###"
    "  #"
    "###"
    "  #"
    "###",
    "# #"
    "# #"
    "###"
    "  #"
    "  #",
    "###"
    "#  "
    "###"
    "  #"
    "###",
    "###"
    "#  "
    "###"
    "# #"
    "###",
    "###"
    "  #"
    "  #"
    "  #"
    "  #",
    "###"
    "# #"
    "###"
    "# #"
    "###",
    "###"
    "# #"
    "###"
    "  #"
    "###"};

class sheet {
 public:
  sheet(std::size_t width, std::size_t height) : width_(width), height_(height) {
    for (std::size_t i = 0; i < width * height; ++i)
      bytes_.insert(bytes_.end(), paper.begin(), paper.end());
  }
  // A square of `scale` pixels a side.
  void dot(std::size_t x, std::size_t y, color which) {
    for (std::size_t row = y; row < y + scale; ++row)
      for (std::size_t column = x; column < x + scale; ++column)
        std::copy(which.begin(), which.end(),
                  bytes_.begin() + static_cast<std::ptrdiff_t>((row * width_ + column) * 3));
  }
  void digit(std::size_t x, std::size_t y, std::size_t which, color in) {
    for (std::size_t i = 0; i < 15; ++i)
      if (glyphs[which][i] == '#') dot(x + i % 3 * scale, y + i / 3 * scale, in);
  }
  void write(const std::filesystem::path& file) const {
    png_image image;
    std::memset(&image, 0, sizeof image);
    image.version = PNG_IMAGE_VERSION;
    image.width = static_cast<png_uint_32>(width_);
    image.height = static_cast<png_uint_32>(height_);
    image.format = PNG_FORMAT_RGB;
    if (png_image_write_to_file(&image, file.c_str(), 0, bytes_.data(), 0, nullptr) == 0)
      throw std::runtime_error(file.string() + ": " + image.message);
  }

 private:
  std::size_t width_;
  std::size_t height_;
  std::vector<std::uint8_t> bytes_;
};

}  // namespace

std::size_t write_contact_sheet(const std::filesystem::path& file,
                                std::span<const std::uint8_t> images,
                                std::span<const std::uint8_t> labels,
                                std::span<const std::uint8_t> taken_for) {
  std::vector<std::size_t> wrong;
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (labels[i] != taken_for[i]) wrong.push_back(i);
  const std::size_t rows =
      std::max<std::size_t>((wrong.size() + cells_in_row - 1) / cells_in_row, 1);
  sheet page(cells_in_row * cell_width, rows * cell_height);
  for (std::size_t i = 0; i < wrong.size(); ++i) {
    const std::size_t x = i % cells_in_row * cell_width + margin;
    const std::size_t y = i / cells_in_row * cell_height + margin;
    const std::uint8_t* pixel = images.data() + wrong[i] * pixels;
    for (std::size_t j = 0; j < pixels; ++j) {
      const auto gray = static_cast<std::uint8_t>(255 - pixel[j]);
      page.dot(x + j % side * scale, y + j / side * scale, {gray, gray, gray});
    }
    const std::size_t below = y + image_side + margin;
    page.digit(x, below, labels[wrong[i]], ink);
    page.digit(x + 6 * scale, below, taken_for[wrong[i]], red);
  }
  page.write(file);
  return wrong.size();
}

}  // namespace digits
