// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/limits.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

/// @file
/// What is fuzzed in readers of HTTP: that the outcome does not depend on how the bytes are cut.

namespace fuzzed {

/// Sizes of pieces, by the first byte of an input.
class cuts {
 public:
  explicit cuts(std::uint8_t seed) noexcept : state_(seed) {}

  /// Returns how many of `most` bytes come next: at least one of them.
  std::size_t next(std::size_t most) noexcept {
    state_ = state_ * 1'103'515'245U + 12'345U;
    // Mostly short ones, as ends of lines and sizes are where mistakes are made.
    const std::size_t size =
        (state_ >> 16U) % 5 == 0 ? 1 + (state_ >> 20U) % 700 : 1 + (state_ >> 18U) % 3;
    return std::min(size, most);
  }

 private:
  std::uint32_t state_;
};

inline void require_equal(const std::string& whole, const std::string& cut) {
  if (whole == cut) return;
  std::fprintf(stderr, "in one piece:\n%s\nin many:\n%s\n", whole.c_str(), cut.c_str());
  std::abort();
}

/// Gives all bytes but the first to a Reader in one piece, and to another in pieces that the first
/// byte chooses: what both have to say at their `end` must be the same.
template <class Reader, class Limits>
int compare_cuts(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  Limits bounds;
  bounds.header_bytes = 2048;
  bounds.body_bytes = 1 << 16;
  Reader whole(bounds);
  whole.take(input);
  Reader cut(bounds);
  cuts pieces(data[0]);
  for (std::size_t done = 0; done < input.size();) {
    const std::size_t next = pieces.next(input.size() - done);
    cut.take(input.substr(done, next));
    done += next;
  }
  require_equal(whole.end(), cut.end());
  return 0;
}

}  // namespace fuzzed
