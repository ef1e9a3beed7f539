// SPDX-License-Identifier: Apache-2.0
#include <modal/base/bytes.hpp>
#include <modal/base/mutex.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <new>
#include <sys/mman.h>
#include <utility>

namespace modal {
namespace {

constexpr std::size_t smallest_block = 4096;
constexpr std::size_t huge_page = std::size_t{2} << 20;

// Blocks below a huge page come in powers of two, so that a free list needs no search.
std::size_t block_capacity(std::size_t size) {
  if (size >= huge_page) {
    if (size > SIZE_MAX - 2 * huge_page) throw std::bad_alloc();
    return align_up(size, huge_page);
  }
  return std::max(smallest_block, std::bit_ceil(size));
}

std::byte* map_huge(std::size_t capacity, std::size_t size) {
  // mmap aligns to small pages only: map one huge page more and give back the ends.
  void* area = mmap(nullptr, capacity + huge_page, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (area == MAP_FAILED) throw std::bad_alloc();
  auto* begin = static_cast<std::byte*>(area);
  const std::size_t address = reinterpret_cast<std::uintptr_t>(begin);
  const std::size_t head = align_up(address, huge_page) - address;
  if (head != 0) munmap(begin, head);
  if (huge_page != head) munmap(begin + head + capacity, huge_page - head);
  // The last page is a huge one only if it is full: a few bytes in it must not cost all of it.
  const std::size_t full = size / huge_page * huge_page;
  madvise(begin + head, full, MADV_HUGEPAGE);
  if (full != capacity) madvise(begin + head + full, capacity - full, MADV_NOHUGEPAGE);
  return begin + head;
}

std::byte* allocate_block(std::size_t capacity, std::size_t size) {
  if (capacity >= huge_page) return map_huge(capacity, size);
  return static_cast<std::byte*>(::operator new (capacity, std::align_val_t{64}));
}

void free_block(std::byte* data, std::size_t capacity) noexcept {
  if (capacity >= huge_page)
    munmap(data, capacity);
  else
    ::operator delete (data, std::align_val_t{64});
}

}  // namespace

struct buffer::pool_state {
  struct block {
    std::byte* data;
    std::size_t capacity;
  };

  explicit pool_state(std::size_t limit) : retained_limit(limit) {}
  pool_state(const pool_state&) = delete;
  pool_state& operator=(const pool_state&) = delete;
  ~pool_state() {
    for (auto& list : small)
      for (auto& each : list) free_block(each.data, each.capacity);
    for (auto& each : large) free_block(each.data, each.capacity);
  }

  static std::size_t small_class(std::size_t capacity) noexcept {
    return static_cast<std::size_t>(std::countr_zero(capacity) - std::countr_zero(smallest_block));
  }

  block take(std::size_t size) {
    const std::size_t capacity = block_capacity(size);
    {
      const detail::mutex_lock lock(mutex);
      if (capacity < huge_page) {
        auto& list = small[small_class(capacity)];
        if (!list.empty()) return pop(list, list.end() - 1);
      } else {
        // The smallest that fits, unless it would waste as much as it holds.
        auto best = large.end();
        for (auto it = large.begin(); it != large.end(); ++it)
          if (it->capacity >= capacity && it->capacity / 2 <= capacity &&
              (best == large.end() || it->capacity < best->capacity))
            best = it;
        if (best != large.end()) return pop(large, best);
      }
    }
    return {allocate_block(capacity, size), capacity};
  }

  void give_back(block returned) noexcept {
    {
      const detail::mutex_lock lock(mutex);
      auto& list = returned.capacity < huge_page ? small[small_class(returned.capacity)] : large;
      if (!closed && returned.capacity <= retained_limit - retained && list.size() < 64 &&
          has_places(list)) {
        list.push_back(returned);
        retained += returned.capacity;
        return;
      }
    }
    free_block(returned.data, returned.capacity);
  }

  static bool has_places(std::vector<block>& list) noexcept {
    try {
      if (list.capacity() == 0) list.reserve(64);
      return true;
    } catch (const std::bad_alloc&) {
      return false;
    }
  }

  block pop(std::vector<block>& list, std::vector<block>::iterator position) MODAL_REQUIRES(mutex) {
    const block found = *position;
    *position = list.back();
    list.pop_back();
    retained -= found.capacity;
    return found;
  }

  detail::mutex mutex;
  std::array<std::vector<block>, 10> small MODAL_GUARDED_BY(mutex);
  std::vector<block> large MODAL_GUARDED_BY(mutex);
  std::size_t retained MODAL_GUARDED_BY(mutex) = 0;
  const std::size_t retained_limit;
  bool closed MODAL_GUARDED_BY(mutex) = false;
};

buffer::buffer(buffer&& other) noexcept
    : pool_(std::move(other.pool_)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      capacity_(std::exchange(other.capacity_, 0)) {}

buffer& buffer::operator=(buffer&& other) noexcept {
  buffer taken(std::move(other));
  std::swap(pool_, taken.pool_);
  std::swap(data_, taken.data_);
  std::swap(size_, taken.size_);
  std::swap(capacity_, taken.capacity_);
  return *this;
}

buffer::~buffer() {
  if (data_ != nullptr) pool_->give_back({data_, capacity_});
}

void buffer::resize(std::size_t size) noexcept { size_ = size; }

buffer_pool::buffer_pool(std::size_t retained_bytes)
    : state_(std::make_shared<buffer::pool_state>(retained_bytes)) {}

buffer_pool::~buffer_pool() {
  const detail::mutex_lock lock(state_->mutex);
  state_->closed = true;
}

buffer buffer_pool::take(std::size_t size) {
  const auto block = state_->take(size);
  buffer taken;
  taken.pool_ = state_;
  taken.data_ = block.data;
  taken.size_ = size;
  taken.capacity_ = block.capacity;
  return taken;
}

std::size_t buffer_pool::retained() const {
  const detail::mutex_lock lock(state_->mutex);
  return state_->retained;
}

}  // namespace modal
