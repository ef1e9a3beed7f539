// SPDX-License-Identifier: Apache-2.0
#include "agreement.hpp"

#include <cstddef>
#include <cstdlib>

namespace photos {

bool is_close(std::string_view function, const image& one, const image& other) {
  if (one.size != other.size || one.pixels.size() != other.pixels.size()) return false;
  std::size_t different = 0;
  int farthest = 0;
  for (std::size_t i = 0; i < one.pixels.size(); ++i) {
    const int distance = std::abs(one.pixels[i] - other.pixels[i]);
    if (distance != 0) ++different;
    if (distance > farthest) farthest = distance;
  }
  if (function == "denoise") return farthest <= 1;
  if (function == "edges") return different * 1000 <= one.pixels.size();
  return different == 0;
}

}  // namespace photos
