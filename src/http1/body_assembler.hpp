// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/bytes.hpp>
#include <modal/base/error.hpp>
#include <modal/base/limits.hpp>
#include <modal/wire/incoming_body.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace modal::detail {

/// Puts the bytes of a body where they belong as they come: those of a payload by its table, which
/// is checked as soon as it is here, each large segment into room that it is given piece by piece,
/// and everything else together, in memory that it takes when the first bytes are due. Without
/// socket or clock.
class body_assembler {
 public:
  /// Segments of at least so many bytes have memory of their own.
  static constexpr std::size_t large_segment = 64 << 10;

  enum class shape : std::uint8_t { text, payload };

  /// @param pool lives as long as this.
  explicit body_assembler(buffer_pool& pool) noexcept : pool_(pool) {}

  /// Begins a body. @param length of it, where that is known. @param bounds lives until the end of
  /// the body.
  void begin(shape what, std::optional<std::size_t> length, std::size_t most_bytes,
             const decode_limits& bounds);

  void begin(shape, std::optional<std::size_t>, std::size_t, const decode_limits&&) = delete;

  /// Takes bytes that have come, which are not more than are missing. Returns how many: less than
  /// all where there is a `failure`, or where it is in `want` of room.
  std::size_t append(std::string_view piece);
  /// All has come, of a body whose length was not known. Returns false where that is a `failure`.
  bool end();

  /// Takes memory for the bytes that are due, if it is not for others to give. Returns as `end`.
  bool make_ready();
  /// Returns the part of a large segment that is due, and has no room yet.
  [[nodiscard]] std::optional<segment_part> want() const noexcept;
  /// Returns how many bytes it can take before it may be in want of room.
  [[nodiscard]] std::size_t takes() const noexcept;
  /// Gives room for what it wants: for one byte at least, and for no more than is left.
  void give(std::span<std::byte> room) noexcept;
  /// Returns where the next bytes may be put straight away; nothing where they belong to several
  /// places. Then `commit`.
  [[nodiscard]] std::span<char> room() noexcept;
  void commit(std::size_t size) noexcept;

  [[nodiscard]] std::size_t received() const noexcept { return received_; }
  [[nodiscard]] bool is_complete() const noexcept { return stage_ == stage::done; }
  /// Returns what memory there is when `total` bytes have come.
  [[nodiscard]] std::size_t memory_for(std::size_t total) const noexcept;
  [[nodiscard]] const std::optional<error>& failure() const noexcept { return failure_; }

  /// Returns the body, which is complete.
  [[nodiscard]] incoming_body take() noexcept;
  /// Forgets all.
  void reset() noexcept;

 private:
  enum class stage : std::uint8_t { text, head, table, gap, bytes, done };

  bool fail(errc what, std::string message);
  bool read_head();
  bool read_table();
  void next_part() noexcept;
  void advance(std::size_t size) noexcept;
  void grow(std::size_t total);

  buffer_pool& pool_;
  shape shape_ = shape::text;
  stage stage_ = stage::done;
  std::optional<std::size_t> length_;
  std::size_t most_bytes_ = 0;
  const decode_limits* bounds_ = nullptr;
  std::size_t received_ = 0;
  std::optional<error> failure_;

  buffer front_;  ///< the text; of a payload, its envelope and small segments
  std::size_t front_used_ = 0;

  std::array<std::byte, payload_head_bytes> head_;
  std::vector<std::byte> table_;
  std::size_t table_bytes_ = 0;
  payload_layout layout_;
  std::size_t part_ = 0;              ///< 0: the envelope; else a segment
  std::size_t gap_left_ = 0;          ///< before its bytes
  std::byte* position_ = nullptr;     ///< of its next byte; null: there is no room for it
  std::size_t room_left_ = 0;         ///< from there on
  std::size_t left_ = 0;              ///< of its bytes
  std::vector<bytes_view> segments_;  ///< those that have been begun
};

}  // namespace modal::detail
