// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace modal {

/// Bytes that somebody else owns.
using bytes_view = std::span<const std::byte>;
using mutable_bytes_view = std::span<std::byte>;

/// Sizes: `512_MiB` is 512 × 2^20 bytes.
inline namespace literals {
constexpr std::size_t operator""_KiB(unsigned long long count) { return count << 10; }
constexpr std::size_t operator""_MiB(unsigned long long count) { return count << 20; }
constexpr std::size_t operator""_GiB(unsigned long long count) { return count << 30; }
}  // namespace literals

/// Returns the smallest multiple of `alignment` (a power of two) that is not below `size`.
constexpr std::size_t align_up(std::size_t size, std::size_t alignment) noexcept {
  return (size + alignment - 1) & ~(alignment - 1);
}

namespace detail {

/// Empties a container and gives its memory back, which `= {}` does not.
template <class Container>
void give_back(Container& from) noexcept {
  Container().swap(from);
}

}  // namespace detail

/// Bytes with one owner, taken from a `buffer_pool` and given back on destruction. Move-only.
/// **Shape**: the first byte is aligned to 64 bytes, and to 2 MiB from 2 MiB on.
/// **Lifetime**: may outlive the pool object that it came from.
class buffer {
 public:
  buffer() = default;
  buffer(buffer&& other) noexcept;
  buffer& operator=(buffer&& other) noexcept;
  ~buffer();

  [[nodiscard]] std::byte* data() noexcept { return data_; }
  [[nodiscard]] const std::byte* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] bytes_view view() const noexcept { return {data_, size_}; }
  [[nodiscard]] mutable_bytes_view span() noexcept { return {data_, size_}; }

  /// Sets the size. **Precondition**: `size <= capacity()`. New bytes are unspecified.
  void resize(std::size_t size) noexcept;

 private:
  friend class buffer_pool;
  struct pool_state;

  std::shared_ptr<pool_state> pool_;  // owners: the pool object and every buffer that is out
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

/// Keeps buffers for reuse, because fresh pages cost more than the transfer that fills them
/// (design/adr/0007-pooled-buffers.md). Buffers of 2 MiB and more are mapped on their own and
/// advised to huge pages. **Thread safety**: safe to share.
class buffer_pool {
 public:
  /// @param retained_bytes the most memory that is kept while nobody uses it; default 256 MiB.
  explicit buffer_pool(std::size_t retained_bytes = std::size_t{256} << 20);
  ~buffer_pool();
  buffer_pool(const buffer_pool&) = delete;
  buffer_pool& operator=(const buffer_pool&) = delete;

  /// Returns a buffer of `size` unspecified bytes. Throws `std::bad_alloc`.
  [[nodiscard]] buffer take(std::size_t size);

  /// Returns the bytes that are kept for reuse.
  [[nodiscard]] std::size_t retained() const;

 private:
  std::shared_ptr<buffer::pool_state> state_;
};

}  // namespace modal
