// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>

namespace modal::detail {

/// How much memory is taken on one stream, and the most that was. One thread at a time uses it.
class memory_meter {
 public:
  void take(std::size_t bytes) noexcept {
    held_ += bytes;
    peak_ = std::max(peak_, held_);
  }
  /// What was taken on another stream counts as far as there is something to give back.
  void give_back(std::size_t bytes) noexcept { held_ -= std::min(held_, bytes); }
  /// Begins anew, from nothing. @return the most since the last time.
  std::size_t begin() noexcept {
    held_ = 0;
    return std::exchange(peak_, 0);
  }

 private:
  std::size_t held_ = 0;
  std::size_t peak_ = 0;
};

}  // namespace modal::detail
