// SPDX-License-Identifier: Apache-2.0
#include "dispatch/pinned_segments.hpp"

#include <modal/base/mutex.hpp>

#include <exception>
#include <utility>

namespace modal::detail {

struct pinned_segments::lookup {
  detail::mutex mutex;
  bool is_over MODAL_GUARDED_BY(mutex) = false;
  std::shared_ptr<std::byte[]> found MODAL_GUARDED_BY(mutex);
};

pinned_segments::pinned_segments(std::shared_ptr<device_slot> on, buffer_pool& pool,
                                 std::size_t body_size)
    : slot_(std::move(on)), body_size_(body_size), others_(pool) {}

pinned_segments::~pinned_segments() = default;

result<std::span<std::byte>> pinned_segments::find_room(const segment_part& due,
                                                        std::function<void()> resume) {
  if (!is_decided_ && is_waiting(std::move(resume))) return std::span<std::byte>();
  is_decided_ = true;
  const std::size_t begin = align_up(given_, 64);
  if (block_ == nullptr || begin > body_size_ || due.left > body_size_ - begin)
    return others_.find_room(due, {});
  given_ = begin + due.left;
  return std::span(block_.get() + begin, due.left);
}

bytes_view pinned_segments::pinned() const noexcept { return {block_.get(), given_}; }

// What is locked already is taken at once; locking more takes long, and the device's thread does
// it.
bool pinned_segments::is_waiting(std::function<void()> resume) {
  if (asked_ != nullptr) {
    const mutex_lock lock(asked_->mutex);
    block_ = std::move(asked_->found);
    return !asked_->is_over;
  }
  pinned_pool& pool = slot_->which().pinned();
  block_ = pool.take_ready(body_size_);
  if (block_ != nullptr || !pool.can_grow(body_size_)) return false;
  asked_ = std::make_shared<lookup>();
  try {
    slot_->post([slot = slot_, bytes = body_size_, about = asked_, told = std::move(resume)] {
      auto found = slot->which().pinned().take(bytes);
      {
        const mutex_lock lock(about->mutex);
        about->is_over = true;
        about->found = std::move(found);
      }
      told();
    });
    return true;
  } catch (const std::exception&) {  // no memory, or no thread: then it does without
    return false;
  }
}

}  // namespace modal::detail
