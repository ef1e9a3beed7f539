// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

namespace digits {

/// Writes a PNG of the images whose labels differ, each above what it is and, in red, what it was
/// taken for. @return how many there are. **Errors**: throws `std::runtime_error`.
std::size_t write_contact_sheet(const std::filesystem::path& file,
                                std::span<const std::uint8_t> images,
                                std::span<const std::uint8_t> labels,
                                std::span<const std::uint8_t> taken_for);

}  // namespace digits
