// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/session/frames.hpp>

#include <boost/intrusive/list.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace modal::detail {

/// The rest of a payload that goes out in segments, as far as the other end gives credit for it.
/// The parts are borrowed. Pinned while it is in an outbox.
class outgoing_payload {
 public:
  std::uint32_t call = 0;

  /// Begins. @param parts in their order, which are moved into this. @param credit that there is
  /// without asking.
  void begin(std::vector<bytes_view>&& parts, std::uint64_t credit) noexcept;

  /// Returns the bytes that no frame has been made of.
  [[nodiscard]] std::uint64_t left() const noexcept { return left_; }
  [[nodiscard]] std::uint64_t credit() const noexcept { return credit_; }

 private:
  friend class outbox;
  std::vector<bytes_view> parts_;
  std::size_t next_ = 0;
  std::uint64_t left_ = 0;
  std::uint64_t credit_ = 0;
  bool is_in_batch_ = false;
  bool is_dropped_ = false;
  boost::intrusive::list_member_hook<> hook_;
};

/// What goes out on a session: small frames in their order, and between them segments of large
/// payloads, in turns, so that nothing small waits behind more than a batch. Makes one batch after
/// the other; while one is being written, by whoever has called `batch`, others may add to the
/// next. Pure; one thread at a time.
class outbox {
 public:
  outbox() = default;
  outbox(const outbox&) = delete;
  outbox& operator=(const outbox&) = delete;
  ~outbox() { queue_.clear(); }

  /// Adds a frame. @return where its body goes, of `head.size` bytes, until the next call of a
  /// method; its padding is written. Throws `std::bad_alloc`, and then nothing is added.
  std::byte* add(const frame_head& head);

  /// Lets `which` have turns. It has begun, and bytes are left.
  void add(outgoing_payload& which) noexcept;
  /// The other end gives credit. Returns false where that is more than it can have.
  bool allow(outgoing_payload& which, std::uint64_t bytes) noexcept;
  /// Ends `which`. What was promised of it is written as zeros, but for what somebody is writing
  /// just now: its memory is not looked at any more once it `is_out`.
  void drop(outgoing_payload& which) noexcept;

  [[nodiscard]] bool has_output() const noexcept {
    return !batch_.empty() || !filling_.empty() || !queue_.empty();
  }
  /// Returns the bytes of small frames that are not written yet.
  [[nodiscard]] std::size_t backlog() const noexcept { return filling_.size() + sending_left_; }

  /// Returns what is to be written now: what is left of the present batch, or the next one. Valid
  /// until `note_written` or `drop`. Throws `std::bad_alloc`, and then nothing has changed.
  /// @param segment the most bytes of one segment; @param whole of all in a batch.
  std::span<const bytes_view> batch(std::size_t segment, std::size_t whole);
  /// So many bytes of it went out, or none; nobody writes it any more.
  void note_written(std::size_t size) noexcept;

  /// Returns whether all of `which` has been written.
  [[nodiscard]] static bool is_out(const outgoing_payload& which) noexcept {
    return which.left_ == 0 && !which.is_in_batch_;
  }

  /// Returns whether all that `which` has credit for has been written, and there is more.
  [[nodiscard]] static bool is_starved(const outgoing_payload& which) noexcept {
    return which.left_ != 0 && which.credit_ == 0 && !which.is_in_batch_;
  }

  /// Gives memory back that is not needed while nothing happens.
  void trim() noexcept;

 private:
  struct promise {
    outgoing_payload* from;
    std::size_t first;  ///< of `batch_parts_`
    std::size_t count;
  };

  void add_segment(outgoing_payload& from, std::size_t size);
  void keep_promises() noexcept;
  void forget_promises(outgoing_payload& from) noexcept;

  using payload_queue = boost::intrusive::list<
      outgoing_payload,
      boost::intrusive::member_hook<outgoing_payload, boost::intrusive::list_member_hook<>,
                                    &outgoing_payload::hook_>>;

  std::vector<std::byte> filling_;
  std::vector<std::byte> sending_;
  std::size_t sending_left_ = 0;
  std::vector<std::byte> heads_;  ///< of the batch's segments
  std::vector<bytes_view> batch_parts_;
  std::span<bytes_view> batch_;
  bool is_writing_ = false;
  std::vector<promise> promises_;  ///< what the batch holds of payloads
  payload_queue queue_;            ///< those that have credit and bytes left
};

}  // namespace modal::detail
