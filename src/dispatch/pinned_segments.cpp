// SPDX-License-Identifier: Apache-2.0
#include "dispatch/pinned_segments.hpp"

#include <utility>

namespace modal::detail {

pinned_segments::pinned_segments(std::shared_ptr<device_slot> on, buffer_pool& pool,
                                 std::size_t body_size)
    : body_size_(body_size), memory_(std::move(on), body_size), others_(pool) {}

pinned_segments::~pinned_segments() = default;

result<std::span<std::byte>> pinned_segments::find_room(const segment_part& due,
                                                        std::function<void()> resume) {
  if (memory_.is_waiting(std::move(resume))) return std::span<std::byte>();
  const std::size_t begin = align_up(given_, 64);
  if (memory_.block() == nullptr || begin > body_size_ || due.left > body_size_ - begin)
    return others_.find_room(due, {});
  given_ = begin + due.left;
  return std::span(memory_.block().get() + begin, due.left);
}

bytes_view pinned_segments::pinned() const noexcept { return {memory_.block().get(), given_}; }

}  // namespace modal::detail
