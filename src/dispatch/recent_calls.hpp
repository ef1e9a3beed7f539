// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/clock.hpp>
#include <modal/base/error.hpp>
#include <modal/base/ids.hpp>
#include <modal/wire/http_call.hpp>
#include <modal/wire/payload.hpp>

#include "dispatch/call.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace modal::detail {

/// How a call ended, for those who ask again. Shared, and never changed.
struct call_outcome {
  call_subject of;
  std::optional<error> failure;
  payload result;    ///< of a binary call that succeeded
  std::string json;  ///< of a JSON call that succeeded
  executor_report report;
  std::shared_ptr<const void> memory{};  ///< see `call_answer::memory`
};

/// Returns a payload that aliases the large arrays of `of`, and keeps it.
payload share_result(const std::shared_ptr<const call_outcome>& of);

/// The ids of calls that began of late, in a table of fixed size: a call that makes room for
/// another is forgotten early. Takes no memory after its construction, and the same few steps
/// whatever the ids are; which of them compete for a place is a secret of each table. A value,
/// without lock or clock.
class recent_ids {
 public:
  /// @param count ids that are remembered, about; 0: none.
  recent_ids(std::size_t count, duration window);

  void note(const call_id& id, time_point now) noexcept;
  void forget(const call_id& id) noexcept;
  [[nodiscard]] bool contains(const call_id& id, time_point now) const noexcept;

 private:
  /// An id is told from others by a secret hash of it, of 64 bits besides those that chose the
  /// bucket: that two are taken for one is less likely than an error of memory.
  struct slot {
    std::uint64_t tag = 0;
    time_point at = time_point::min();  ///< the least: it is free
  };
  /// Two lines of a cache: a call finds them cold.
  struct alignas(128) bucket : std::array<slot, 8> {};
  struct place {
    std::size_t bucket;
    std::uint64_t tag;
  };
  [[nodiscard]] place place_of(const call_id& id) const noexcept;

  std::vector<bucket> buckets_;
  const duration window_;
  const std::array<std::uint64_t, 2> seed_;
  const std::array<std::uint64_t, 2> tag_seed_;
};

/// The calls whose callers try again when a connection is lost, by id: those that are under way,
/// and the outcomes of the others for a while. A value, without lock or clock.
class repeatable_calls {
 public:
  struct kept {
    call_id id;
    std::shared_ptr<const call_outcome> outcome;
    std::size_t bytes;
    time_point until;
  };
  using kept_list = std::list<kept>;
  /// Of one call: one of the two.
  struct entry {
    call* under_way = nullptr;
    kept_list::iterator ended{};

    [[nodiscard]] std::shared_ptr<const call_outcome> outcome() const {
      return under_way == nullptr ? ended->outcome : nullptr;
    }
  };

  /// @param bytes that all outcomes together may have; the oldest go first.
  repeatable_calls(std::size_t bytes, duration window) : most_bytes_(bytes), window_(window) {}

  /// Returns the entry of `id`, or null.
  [[nodiscard]] const entry* find(const call_id& id, time_point now);
  /// Returns whether there is an entry, which may be late.
  [[nodiscard]] bool knows(const call_id& id) const { return entries_.contains(id); }
  /// **Precondition**: `id` is not known, or its call was answered and runs on.
  void begin(const call_id& id, call& which);
  /// Takes note of the end of `which`, and keeps its outcome where there is one and it fits.
  void end(const call_id& id, const call& which, std::shared_ptr<const call_outcome> outcome,
           std::size_t bytes, time_point now) noexcept;

  /// Drops the outcomes whose time is over.
  void drop_late(time_point now) noexcept;
  /// Drops all outcomes.
  void drop_all() noexcept;
  /// Returns when the next is to be dropped.
  [[nodiscard]] time_point due() const noexcept {
    return kept_.empty() ? never : kept_.front().until;
  }

  /// Returns the outcomes that were dropped since the last time. What they hold is the user's: it
  /// is to be destroyed without a lock.
  [[nodiscard]] kept_list take_dropped() noexcept { return std::exchange(dropped_, {}); }
  [[nodiscard]] std::size_t kept_bytes() const noexcept { return bytes_; }

 private:
  struct hash {
    std::size_t operator()(const call_id& id) const noexcept;
  };
  void drop_oldest() noexcept;

  std::unordered_map<call_id, entry, hash> entries_;
  kept_list kept_;  ///< in the order of their ends
  kept_list dropped_;
  std::size_t bytes_ = 0;
  const std::size_t most_bytes_;
  const duration window_;
};

}  // namespace modal::detail
