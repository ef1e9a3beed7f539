// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "filters.hpp"

#include <cstddef>
#include <filesystem>
#include <stdexcept>

namespace photos {

/// Larger pictures are refused before memory is taken for them.
inline constexpr std::size_t most_pixels = std::size_t{64} << 20;
/// Larger files are refused before they are read.
inline constexpr std::size_t most_file_bytes = std::size_t{256} << 20;

/// A file that cannot be read or written, or holds no picture that we understand. `what()` names
/// the file and the reason.
class picture_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Returns true if the file's name ends in .png, .jpg or .jpeg, in any case.
bool is_picture_name(const std::filesystem::path& file);

/// Reads a PNG or JPEG file, told apart by its first bytes. Returns 8 bits a channel, sRGB: one
/// channel for grey pictures, else three; transparent parts become white.
/// **Errors**: `picture_error`, also for damaged and cut-off files.
image read_picture(const std::filesystem::path& file);

/// Writes a PNG or, with quality 92, a JPEG file, by the name's ending.
/// **Errors**: `picture_error`.
void write_picture(const std::filesystem::path& file, const image& picture);

}  // namespace photos
