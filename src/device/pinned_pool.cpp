// SPDX-License-Identifier: Apache-2.0
#include "device/pinned_pool.hpp"

#include <modal/base/bytes.hpp>
#include <modal/base/mutex.hpp>

#include <algorithm>
#include <bit>
#include <map>
#include <new>
#include <utility>

namespace modal::detail {
namespace {

constexpr std::size_t smallest_block = 64 << 10;

// Eight sizes for each power of two: what one leaves, the next one of about its size can use.
std::size_t block_size(std::size_t bytes) noexcept {
  const std::size_t least = std::max(bytes, smallest_block);
  return align_up(least, std::bit_floor(least) / 8);
}

using block_map = std::multimap<std::size_t, std::unique_ptr<pinned_block>>;

}  // namespace

struct pinned_pool::state : std::enable_shared_from_this<state> {
  state(std::size_t most, lock_function function) : limit(most), lock(std::move(function)) {}

  std::shared_ptr<std::byte[]> take_ready(std::size_t bytes) {
    block_map::node_type found;
    {
      const mutex_lock guard(mutex);
      const auto place = free.lower_bound(bytes);
      if (place == free.end() || place->first / 2 > block_size(bytes)) return nullptr;
      found = free.extract(place);
      used += found.key();
    }
    return hand_out(std::move(found));
  }

  std::shared_ptr<std::byte[]> grow(std::size_t bytes, bool may_unlock) {
    const std::size_t size = block_size(bytes);
    block_map dropped;  // by nodes, which takes no memory
    {
      const mutex_lock guard(mutex);
      if (size > limit - used) return nullptr;
      if (size > limit - locked && !may_unlock) {
        wished = std::max(wished, bytes);
        return nullptr;
      }
      // What is kept, and of no use, makes room: the largest first.
      while (size > limit - locked) {
        locked -= dropped.insert(free.extract(std::prev(free.end())))->first;
      }
      locked += size;
      used += size;
    }
    dropped.clear();
    block_map made;
    try {
      if (auto block = lock(size)) made.emplace(size, *std::move(block));
    } catch (const std::bad_alloc&) {
    }
    if (!made.empty()) return hand_out(made.extract(made.begin()));
    const mutex_lock guard(mutex);
    locked -= size;
    used -= size;
    return nullptr;
  }

  // Makes an owner that gives it back; so does a failure to make one.
  std::shared_ptr<std::byte[]> hand_out(block_map::node_type which) {
    std::byte* const data = which.mapped()->data();
    return {data, [own = shared_from_this(), kept = std::move(which)](std::byte*) mutable noexcept {
              own->give_back(std::move(kept));
            }};
  }

  void give_back(block_map::node_type which) noexcept {
    const mutex_lock guard(mutex);
    used -= which.key();
    if (!is_closed) free.insert(std::move(which));
  }

  void close() noexcept {
    block_map dropped;
    const mutex_lock guard(mutex);
    is_closed = true;
    dropped.swap(free);
  }

  const std::size_t limit;
  const lock_function lock;
  mutable detail::mutex mutex;
  block_map free MODAL_GUARDED_BY(mutex);
  std::size_t used MODAL_GUARDED_BY(mutex) = 0;
  std::size_t locked MODAL_GUARDED_BY(mutex) = 0;
  std::size_t wished MODAL_GUARDED_BY(mutex) = 0;
  bool is_closed MODAL_GUARDED_BY(mutex) = false;
};

pinned_pool::pinned_pool(std::size_t limit, lock_function lock)
    : state_(std::make_shared<state>(limit, std::move(lock))) {}

pinned_pool::~pinned_pool() { state_->close(); }

std::shared_ptr<std::byte[]> pinned_pool::take_ready(std::size_t bytes) noexcept {
  try {
    return bytes <= state_->limit ? state_->take_ready(bytes) : nullptr;
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

std::shared_ptr<std::byte[]> pinned_pool::take(std::size_t bytes, bool may_unlock) noexcept {
  try {
    if (bytes > state_->limit) return nullptr;
    auto found = state_->take_ready(bytes);
    return found != nullptr ? found : state_->grow(bytes, may_unlock);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

std::shared_ptr<std::byte[]> pinned_pool::take(std::size_t bytes) noexcept {
  return take(bytes, true);
}

std::shared_ptr<std::byte[]> pinned_pool::take_soon(std::size_t bytes) noexcept {
  return take(bytes, false);
}

std::size_t pinned_pool::wish() noexcept {
  const mutex_lock guard(state_->mutex);
  return std::exchange(state_->wished, 0);
}

bool pinned_pool::can_grow(std::size_t bytes) const noexcept {
  if (bytes > state_->limit) return false;
  const mutex_lock guard(state_->mutex);
  return block_size(bytes) <= state_->limit - state_->used;
}

pinned_memory pinned_pool::memory() const noexcept {
  const mutex_lock guard(state_->mutex);
  return {state_->used, state_->locked, state_->limit};
}

}  // namespace modal::detail
