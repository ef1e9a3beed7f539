// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/bytes.hpp>
#include <modal/wire/payload.hpp>

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace modal {

/// The body of a call as it has come, with what it lies in: one block (JSON, or a payload that
/// somebody handed over as a whole), or a payload in parts, of which each large segment has memory
/// of its own. Move-only.
class incoming_body {
 public:
  incoming_body() = default;
  incoming_body(buffer whole) noexcept : front_(std::move(whole)), size_(front_.size()) {}
  /// @param parts aliases the other two.
  incoming_body(buffer front, std::vector<buffer> large, payload_view parts) noexcept
      : front_(std::move(front)),
        large_(std::move(large)),
        parts_(std::move(parts)),
        size_(parts_->size()) {}
  incoming_body(incoming_body&& other) noexcept
      : front_(std::move(other.front_)),
        large_(std::move(other.large_)),
        parts_(std::exchange(other.parts_, std::nullopt)),
        size_(std::exchange(other.size_, 0)) {}
  incoming_body& operator=(incoming_body&& other) noexcept {
    front_ = std::move(other.front_);
    large_ = std::move(other.large_);
    parts_ = std::exchange(other.parts_, std::nullopt);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }

  /// Returns its bytes as they were sent.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// Returns the payload, or null where all is one block, and not looked at yet.
  [[nodiscard]] const payload_view* parts() const noexcept { return parts_ ? &*parts_ : nullptr; }

  /// Returns all of a body in one block; of one in parts, its envelope and small segments.
  [[nodiscard]] bytes_view block() const noexcept { return front_.view(); }

 private:
  buffer front_;
  std::vector<buffer> large_;
  std::optional<payload_view> parts_;
  std::size_t size_ = 0;
};

}  // namespace modal
