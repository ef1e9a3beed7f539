// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/error.hpp>

#include <cstddef>
#include <functional>
#include <memory>

namespace modal::detail {

/// Page-locked host memory: what a device reads and writes while the CPU does something else. Gives
/// itself back.
class pinned_block {
 public:
  virtual ~pinned_block() = default;
  [[nodiscard]] virtual std::byte* data() noexcept = 0;
  [[nodiscard]] virtual std::size_t size() const noexcept = 0;
};

/// How much of a machine's memory may be locked for a device, if nobody says otherwise.
inline constexpr std::size_t default_pinned_bytes = std::size_t{512} << 20;

/// Memory of a pool at one moment.
struct pinned_memory {
  std::size_t used = 0;    ///< by somebody
  std::size_t locked = 0;  ///< used, or kept for whoever comes next
  std::size_t limit = 0;
};

/// Page-locked memory for one user after the other: to lock memory takes longer than to copy it.
/// Nobody waits for others: where there is none left, one goes without (ADR 0027).
/// **Thread safety**: safe to share.
class pinned_pool {
 public:
  using lock_function = std::function<result<std::unique_ptr<pinned_block>>(std::size_t bytes)>;

  /// @param limit the most bytes that are locked at a time. @param lock locks some; its blocks may
  /// outlive this.
  pinned_pool(std::size_t limit, lock_function lock);
  ~pinned_pool();
  pinned_pool(const pinned_pool&) = delete;
  pinned_pool& operator=(const pinned_pool&) = delete;

  /// Returns memory for `bytes` that is locked already, aligned to 64 bytes; null where there is
  /// none. It may outlive this, and goes back to it on destruction.
  [[nodiscard]] std::shared_ptr<std::byte[]> take_ready(std::size_t bytes) noexcept;

  /// The same, but locks memory first where that is needed, after what is kept in vain was
  /// unlocked: this may take a tenth of a second, or as long as the device is busy.
  [[nodiscard]] std::shared_ptr<std::byte[]> take(std::size_t bytes) noexcept;

  /// The same, but unlocks nothing: where that would be needed there is none, and a wish is noted.
  [[nodiscard]] std::shared_ptr<std::byte[]> take_soon(std::size_t bytes) noexcept;

  /// Returns the largest size that was wished for since this was asked last; 0: none. To `take` it,
  /// and give it back, grants the wish.
  [[nodiscard]] std::size_t wish() noexcept;

  /// Returns whether `take` may lock `bytes` now.
  [[nodiscard]] bool can_grow(std::size_t bytes) const noexcept;

  [[nodiscard]] pinned_memory memory() const noexcept;

 private:
  struct state;
  std::shared_ptr<std::byte[]> take(std::size_t bytes, bool may_unlock) noexcept;

  const std::shared_ptr<state> state_;  // owners: this, and all that is out
};

}  // namespace modal::detail
