// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/bytes.hpp>
#include <modal/wire/incoming_body.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <span>
#include <utility>
#include <vector>

namespace test {

/// Room for large segments, given in pieces of a size that the test says, and later if it says so.
class segment_store final : public modal::segment_memory {
 public:
  explicit segment_store(std::size_t most_at_once = SIZE_MAX) : most_(most_at_once) {}

  modal::result<std::span<std::byte>> find_room(const modal::segment_part& due,
                                                std::function<void()> resume) override {
    asked.push_back(due);
    if (has_none) {
      waiting = std::move(resume);
      return std::span<std::byte>{};
    }
    if (due.offset == 0) buffers_.push_back(pool_.take(due.left));
    return buffers_.back().span().subspan(due.offset, std::min(due.left, most_));
  }

  bool has_none = false;
  std::vector<modal::segment_part> asked;
  std::function<void()> waiting;

 private:
  const std::size_t most_;
  modal::buffer_pool pool_;
  std::vector<modal::buffer> buffers_;
};

}  // namespace test
