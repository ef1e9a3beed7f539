// SPDX-License-Identifier: Apache-2.0
#include "checks.hpp"

#include <modal/function.hpp>

#include <sstream>
#include <stdexcept>

namespace photos {

void check_picture(image_size size, std::size_t bytes) {
  std::ostringstream text;
  if (size.width < 1 || size.height < 1 || size.width > longest_side ||
      size.height > longest_side) {
    text << "a picture has 1 to " << longest_side << " pixels a side, not " << size.width << " x "
         << size.height;
  } else if (size.channels != 1 && size.channels != 3) {
    text << "a picture has 1 or 3 channels, not " << size.channels;
  } else if (bytes != byte_count(size)) {
    text << "a picture of " << size.width << " x " << size.height << " with " << size.channels
         << " channels has " << byte_count(size) << " bytes, not " << bytes;
  } else {
    return;
  }
  throw std::invalid_argument(text.str());
}

void check_range(std::string_view name, float value, float most) {
  if (value > 0 && value <= most) return;  // false for NaN, too
  std::ostringstream text;
  text << name << " is above 0 and at most " << most << ", not " << value;
  throw std::invalid_argument(text.str());
}

void stop_if_cancelled() {
  if (modal::this_call().stop_requested()) {
    throw std::runtime_error("stopped: nobody waits for this picture any more");
  }
}

}  // namespace photos
