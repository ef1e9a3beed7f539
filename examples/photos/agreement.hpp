// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "filters.hpp"

#include <string_view>

namespace photos {

/// Returns whether what a device made of a picture agrees with the CPU's: sizes are equal; each
/// value of "denoise" is within 1; of "edges" at most 1 pixel in 1000 differs; all else is equal.
bool is_close(std::string_view function, const image& one, const image& other);

}  // namespace photos
