// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace digits {

/// Images and what they show.
struct data_set {
  std::vector<std::uint8_t> images;  ///< 28 × 28 bytes each
  std::vector<std::uint8_t> labels;
};

/// Reads two files of the format IDX, compressed by gzip. **Errors**: throws `std::runtime_error`
/// with the file's name.
data_set read_data(const std::filesystem::path& images, const std::filesystem::path& labels);

}  // namespace digits
