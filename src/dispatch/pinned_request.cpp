// SPDX-License-Identifier: Apache-2.0
#include "dispatch/pinned_request.hpp"

#include <modal/base/mutex.hpp>

#include <exception>
#include <utility>

namespace modal::detail {

struct pinned_request::lookup {
  detail::mutex mutex;
  bool is_over MODAL_GUARDED_BY(mutex) = false;
  std::shared_ptr<std::byte[]> found MODAL_GUARDED_BY(mutex);
};

bool pinned_request::is_waiting(std::function<void()> resume) {
  if (is_decided_) return false;
  if (asked_ != nullptr) {
    const mutex_lock lock(asked_->mutex);
    if (!asked_->is_over) return true;
    block_ = std::move(asked_->found);
  } else if (begin(std::move(resume))) {
    return true;
  }
  is_decided_ = true;
  return false;
}

bool pinned_request::begin(std::function<void()> resume) {
  pinned_pool& pool = slot_->which().pinned();
  block_ = pool.take_ready(bytes_);
  if (block_ != nullptr || !pool.can_grow(bytes_)) return false;
  try {
    asked_ = std::make_shared<lookup>();
    slot_->post([slot = slot_, bytes = bytes_, about = asked_, told = std::move(resume)] {
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
