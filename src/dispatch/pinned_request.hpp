// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worker/device_slot.hpp"

#include <cstddef>
#include <functional>
#include <memory>

namespace modal::detail {

/// Locked memory that is asked for once, so that no call waits while it holds some. What is locked
/// already is taken at once; locking more takes long, and the device's thread does it.
/// One thread at a time uses it.
class pinned_request {
 public:
  /// @param on lives as long as this.
  pinned_request(std::shared_ptr<device_slot> on, std::size_t bytes) noexcept
      : slot_(std::move(on)), bytes_(bytes) {}

  /// Returns whether it is not decided yet: then `resume` runs when it is, on any thread.
  bool is_waiting(std::function<void()> resume);

  /// Returns the memory; null where there is none. **Precondition**: it is decided.
  [[nodiscard]] const std::shared_ptr<std::byte[]>& block() const noexcept { return block_; }

 private:
  struct lookup;
  bool begin(std::function<void()> resume);

  const std::shared_ptr<device_slot> slot_;
  const std::size_t bytes_;
  std::shared_ptr<lookup> asked_;  // while the device locks memory
  std::shared_ptr<std::byte[]> block_;
  bool is_decided_ = false;
};

}  // namespace modal::detail
