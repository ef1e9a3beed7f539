// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/function/device_transfer.hpp>
#include <modal/wire/incoming_body.hpp>

#include "dispatch/pinned_request.hpp"
#include "worker/quarantine.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>

namespace modal::detail {

/// Large segments that go to a device while they come: each to memory of its own there, by way of a
/// few pieces of locked memory, of which one is filled while others are copied. So a body takes as
/// much memory as the device has of it, and little besides (ADR 0031). What the device has no
/// memory for lies where another segment memory says.
class arriving_segments final : public segment_memory {
 public:
  /// Copies of so many bytes are nearly as fast as larger ones, and stay in a CPU's cache.
  static constexpr std::size_t piece_bytes = std::size_t{1} << 20;
  static constexpr std::size_t pieces = 4;
  /// Below this there is nothing to gain.
  static constexpr std::size_t least_body = pieces * piece_bytes;

  arriving_segments(std::shared_ptr<device_slot> on, std::unique_ptr<segment_memory> otherwise);
  /// Waits for no copy: the device's thread keeps what they use until they are done.
  ~arriving_segments() override;

  result<std::span<std::byte>> find_room(const segment_part& due,
                                         std::function<void()> resume) override;
  void settle(std::span<bytes_view> segments) noexcept override;
  [[nodiscard]] bytes_view pinned() const noexcept override { return otherwise_->pinned(); }

  /// Returns the stream of the copies, which is the call's; null where there are none.
  [[nodiscard]] const std::shared_ptr<gpu::stream>& stream() const noexcept {
    static const std::shared_ptr<gpu::stream> none;
    return ring_ != nullptr ? ring_->stream : none;
  }
  /// Returns what has come to the device. **Precondition**: `settle` was called.
  [[nodiscard]] device_arrivals& arrivals() noexcept { return arrivals_; }

 private:
  // What the copies read, and their stream.
  struct ring final : quarantined {
    std::shared_ptr<std::byte[]> memory;
    std::shared_ptr<gpu::stream> stream;
  };
  [[nodiscard]] bool begin_segment(const segment_part& due);
  void send_piece() noexcept;
  void fail(error reason) noexcept;

  const std::shared_ptr<device_slot> slot_;
  const std::unique_ptr<segment_memory> otherwise_;
  pinned_request asked_;
  std::unique_ptr<ring> ring_;  // null: nothing goes to the device
  device_arrivals arrivals_;
  std::optional<std::size_t> present_;  // segment
  bool goes_there_ = false;             // it does
  std::span<std::byte> filling_;        // the piece that was given last; empty: none is filled
  std::byte* target_ = nullptr;         // where it goes to
  std::size_t next_ = 0;                // piece of the ring
  std::array<std::shared_ptr<gpu::event>, pieces> copied_;  // null: it is free
};

}  // namespace modal::detail
