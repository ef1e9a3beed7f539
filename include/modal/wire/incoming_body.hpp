// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/bytes.hpp>
#include <modal/base/error.hpp>
#include <modal/wire/payload.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>

namespace modal {

/// Bytes of a large segment that are due.
struct segment_part {
  std::size_t segment = 0;  ///< which of the payload's
  std::size_t offset = 0;   ///< how many of its bytes are here
  std::size_t left = 0;     ///< how many are to come

  friend bool operator==(const segment_part&, const segment_part&) = default;
};

/// Where the large segments of one body lie. Gives room for them piece by piece as their bytes
/// come, so that whoever gives it sees how far a segment is. One thread at a time uses it.
class segment_memory {
 public:
  virtual ~segment_memory() = default;

  /// Returns room for the next bytes of a segment: for some or all of what is left of it. What was
  /// given before is full. The pieces of one segment follow each other in memory, and stay until
  /// the end of this, unless `settle` says that they lie elsewhere. Empty: there is none now, and
  /// `resume` runs when there is, on any thread; it must not call back, and only wakes whoever
  /// waits. **Errors**: for what can never have room. Throws `std::bad_alloc`.
  virtual result<std::span<std::byte>> find_room(const segment_part& due,
                                                 std::function<void()> resume) = 0;

  /// All has come. Says of those segments that lie elsewhere, by now or soon, where that is: on a
  /// device, which alone may read them there.
  virtual void settle(std::span<bytes_view> /*segments*/) noexcept {}

  /// Returns that of it which is page-locked, in one piece; empty where none is.
  [[nodiscard]] virtual bytes_view pinned() const noexcept { return {}; }
};

/// The body of a call as it has come, with what it lies in: one block (JSON, or a payload that
/// somebody handed over as a whole), or a payload in parts, of which each large segment has memory
/// of its own: that of `keep`. Move-only.
class incoming_body {
 public:
  incoming_body() = default;
  incoming_body(buffer whole) noexcept : front_(std::move(whole)), size_(front_.size()) {}
  /// @param parts aliases `front`, and what `keep` is given.
  incoming_body(buffer front, payload_view parts) noexcept
      : front_(std::move(front)), parts_(std::move(parts)), size_(parts_->size()) {}
  incoming_body(incoming_body&& other) noexcept
      : front_(std::move(other.front_)),
        segments_(std::move(other.segments_)),
        parts_(std::exchange(other.parts_, std::nullopt)),
        size_(std::exchange(other.size_, 0)) {}
  incoming_body& operator=(incoming_body&& other) noexcept {
    front_ = std::move(other.front_);
    segments_ = std::move(other.segments_);
    parts_ = std::exchange(other.parts_, std::nullopt);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }

  /// Takes over what the large segments lie in, all of which have come.
  void keep(std::unique_ptr<segment_memory> segments) noexcept {
    segments_ = std::move(segments);
    if (segments_ != nullptr && parts_) segments_->settle(parts_->segments());
  }

  /// Returns what was kept; null where nothing was.
  [[nodiscard]] segment_memory* segments() const noexcept { return segments_.get(); }

  /// Returns its bytes as they were sent.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// Returns the payload, or null where all is one block, and not looked at yet.
  [[nodiscard]] const payload_view* parts() const noexcept { return parts_ ? &*parts_ : nullptr; }

  /// Returns that of it which lies in page-locked memory; empty where nothing does.
  [[nodiscard]] bytes_view pinned() const noexcept {
    return segments_ != nullptr ? segments_->pinned() : bytes_view();
  }

  /// Returns all of a body in one block; of one in parts, its envelope and small segments.
  [[nodiscard]] bytes_view block() const noexcept { return front_.view(); }

 private:
  buffer front_;
  std::unique_ptr<segment_memory> segments_;
  std::optional<payload_view> parts_;
  std::size_t size_ = 0;
};

}  // namespace modal
