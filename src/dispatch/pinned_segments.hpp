// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/bytes.hpp>
#include <modal/wire/incoming_body.hpp>

#include "dispatch/pinned_request.hpp"
#include "dispatch/pooled_segments.hpp"

#include <memory>

namespace modal::detail {

/// Large segments in one block of memory that is locked for a device, taken when the first one is
/// due: all or nothing, so that no call waits while it holds some. Where there is none, they lie in
/// pooled memory (ADR 0027).
class pinned_segments final : public segment_memory {
 public:
  /// @param pool lives at least until the last call of `find_room`. @param body_size is not less
  /// than all large segments have.
  pinned_segments(std::shared_ptr<device_slot> on, buffer_pool& pool, std::size_t body_size);
  ~pinned_segments() override;

  result<std::span<std::byte>> find_room(const segment_part& due,
                                         std::function<void()> resume) override;
  [[nodiscard]] bytes_view pinned() const noexcept override;

 private:
  const std::size_t body_size_;
  pinned_request memory_;
  std::size_t given_ = 0;
  pooled_segments others_;
};

}  // namespace modal::detail
