// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/bytes.hpp>
#include <modal/base/error.hpp>
#include <modal/base/limits.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>
#include <utility>
#include <vector>

/// @file
/// The binary payload: the arguments of a call, or its result.
///
///     offset      field
///     0           u32  magic, the bytes "MDP2"
///     4           u32  n, number of segments
///     8           u64  e, bytes of the envelope
///     16          u64  size of each segment, n times
///     align 16    the envelope, e bytes: every value but the large arrays
///     align 64    segment 0, then each next segment at the next multiple of 64
///
/// Offsets count from the start of the payload; gaps are zero; nothing follows the last byte. All
/// integers are little-endian. See design/wire_protocol.md.

namespace modal {

inline constexpr std::uint32_t payload_magic = 0x3250444d;  // "MDP2"
inline constexpr std::size_t payload_head_bytes = 16;
inline constexpr std::size_t envelope_alignment = 16;
inline constexpr std::size_t segment_alignment = 64;

/// Arrays of at least this many bytes are sent as segments, without a copy. Not part of the
/// protocol: each array says where it is.
inline constexpr std::size_t segment_threshold = 4096;

/// A payload to be sent: an envelope that it owns and segments that it borrows.
/// **Lifetime**: the borrowed arrays must live until the payload is sent or destroyed; `keep` hands
/// an owner over. Move-only; not safe to share while it is written.
class payload {
 public:
  payload() noexcept;
  payload(payload&& other) noexcept;
  payload& operator=(payload&& other) noexcept;
  ~payload();

  /// Makes room for `size` bytes at the end of the envelope and returns where they start. Pointers
  /// from earlier calls become invalid.
  std::byte* extend(std::size_t size) {
    if (capacity_ - used_ < size) grow(size);
    std::byte* position = data_ + used_;
    used_ += size;
    return position;
  }

  /// Borrows `bytes` as the next segment.
  void add_segment(bytes_view bytes) { segments_.push_back(bytes); }

  /// Keeps `owner` alive as long as this payload.
  void keep(std::shared_ptr<const void> owner) {
    owners_.push_back(std::move(owner));
    holds_objects_ = true;
  }
  /// The same of what is no more than an array of flat elements, whose end is no user's code.
  void keep_array(std::shared_ptr<const void> owner) { owners_.push_back(std::move(owner)); }

  /// Returns whether the end of what is kept may run users' code.
  [[nodiscard]] bool holds_objects() const noexcept { return holds_objects_; }
  /// Takes what is kept, which segments may refer to: it is to end elsewhere.
  [[nodiscard]] std::vector<std::shared_ptr<const void>> take_kept() noexcept {
    segments_.clear();
    holds_objects_ = false;
    return std::move(owners_);
  }

  /// Forgets all content; keeps the memory.
  void clear() noexcept;

  [[nodiscard]] std::size_t envelope_size() const noexcept { return used_ - payload_head_bytes; }
  [[nodiscard]] bytes_view envelope() const noexcept {
    return {data_ + payload_head_bytes, envelope_size()};
  }
  [[nodiscard]] const std::vector<bytes_view>& segments() const noexcept { return segments_; }

  /// Returns the bytes of the whole payload on the wire.
  [[nodiscard]] std::size_t wire_size() const noexcept;

  /// Fills in the head and appends the parts to send, in order, to `parts`. They stay valid until
  /// this payload is changed or destroyed. A payload without segments is one part.
  void gather(std::vector<bytes_view>& parts);

  /// Copies the whole payload to contiguous memory, as it would arrive.
  [[nodiscard]] std::vector<std::byte> to_bytes();

 private:
  void grow(std::size_t size);
  void release() noexcept;

  // The head's 16 bytes stand before the envelope in one block, so that a small call is one part.
  static constexpr std::size_t inline_bytes = 512;
  std::byte* data_;
  std::size_t used_ = payload_head_bytes;
  std::size_t capacity_ = inline_bytes;
  std::vector<bytes_view> segments_;
  std::vector<std::byte> segment_head_;  // the head, where there are segments
  std::vector<std::shared_ptr<const void>> owners_;
  bool holds_objects_ = false;
  alignas(16) std::array<std::byte, inline_bytes> inline_;
};

/// Copies `from` to one block, as it would arrive. Throws `std::bad_alloc`.
buffer flatten(payload& from, buffer_pool& pool);

/// Where the parts of a payload lie, by its head and table alone.
struct payload_layout {
  std::size_t envelope_begin = payload_head_bytes;  ///< where head and table end
  std::size_t envelope_bytes = 0;
  std::vector<std::size_t> segments;  ///< the size of each
  std::size_t total = 0;              ///< bytes of the whole payload

  /// Returns where head and table end. **Precondition**: `head` has `payload_head_bytes`.
  /// **Errors**: `malformed_payload` without the magic number; `too_large` for more segments than
  /// allowed.
  static result<std::size_t> table_end(bytes_view head, const decode_limits& bounds);

  /// **Precondition**: `table` is all up to `table_end`. **Errors**: as `table_end`, and
  /// `malformed_payload` where no memory could hold that much.
  static result<payload_layout> read(bytes_view table, const decode_limits& bounds);
};

/// A payload that has arrived, checked for its shape: an envelope and segments, which may lie
/// anywhere. Aliases the bytes; whoever has those keeps them. Copies are cheap without segments.
class payload_view {
 public:
  payload_view() = default;
  /// @param size bytes of the whole payload as it was sent.
  payload_view(bytes_view envelope, std::vector<bytes_view> segments, std::size_t size) noexcept
      : envelope_(envelope), segments_(std::move(segments)), size_(size) {}

  /// Checks `body` against the layout and `bounds`.
  /// **Precondition**: `body` starts at a multiple of 16 bytes (of 64, for aligned segments).
  /// **Errors**: `malformed_payload`; `too_large` for more segments than allowed.
  static result<payload_view> parse(bytes_view body, const decode_limits& bounds);

  [[nodiscard]] bytes_view envelope() const noexcept { return envelope_; }
  [[nodiscard]] const std::vector<bytes_view>& segments() const noexcept { return segments_; }
  /// Lets whoever moves them say where they are now.
  [[nodiscard]] std::span<bytes_view> segments() noexcept { return segments_; }

  /// Returns the bytes of everything as it was sent.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  bytes_view envelope_;
  std::vector<bytes_view> segments_;
  std::size_t size_ = 0;
};

/// Returns a description for a person: sizes of the parts and the first bytes of each in
/// hexadecimal. At most a few hundred characters a part.
std::string to_text(const payload_view& view);
std::string to_text(const payload& value);
std::ostream& operator<<(std::ostream& out, const payload& value);

}  // namespace modal
