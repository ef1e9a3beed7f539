// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/bytes.hpp>
#include <modal/wire/incoming_body.hpp>

#include <vector>

namespace modal::detail {

/// Large segments in pooled host memory, a buffer for each: there is room for all of one as soon as
/// its first byte is due.
class pooled_segments final : public segment_memory {
 public:
  /// @param pool lives at least until the last call of `find_room`.
  explicit pooled_segments(buffer_pool& pool) noexcept : pool_(pool) {}

  result<std::span<std::byte>> find_room(const segment_part& due,
                                         std::function<void()> /*resume*/) override {
    buffers_.push_back(pool_.take(due.left));
    return buffers_.back().span();
  }

 private:
  buffer_pool& pool_;
  std::vector<buffer> buffers_;
};

}  // namespace modal::detail
