// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/intrusive/list.hpp>

#include <cstddef>
#include <functional>

namespace modal::detail {

/// What one call holds of an executor's memory. Lives as long as the call.
struct memory_share {
  std::size_t held = 0;
  std::size_t wanted = 0;                     ///< what it waits to hold; 0: it does not wait
  std::function<void()> resume;               ///< of one that waits
  boost::intrusive::list_member_hook<> hook;  ///< among those whose bodies arrive
};

/// The memory for the bodies and results of all calls: a value, without lock. It is charged when it
/// is granted, a piece at a time, and not when somebody claims to need it.
///
/// At the limit the youngest bodies wait, and the oldest goes on, beyond the limit if it must: so
/// bodies that have half arrived never wait for one another, and each body that keeps coming is
/// complete at some time, or its deadline passes. The overdraft is at most what one body may have,
/// and results, whose calls have run already, may overdraw too; until that is paid back nobody else
/// is granted anything, the next oldest neither.
class memory_budget {
 public:
  explicit memory_budget(std::size_t limit) : limit_(limit) {}

  [[nodiscard]] std::size_t used() const noexcept { return used_; }
  /// Returns whether `size` bytes more fit.
  [[nodiscard]] bool has_room(std::size_t size) const noexcept {
    return used_ <= limit_ && size <= limit_ - used_;
  }

  /// Charges what is here already. May overdraw.
  void charge(memory_share& share, std::size_t size) noexcept {
    share.held += size;
    used_ += size;
  }

  /// Begins a body that arrives piece by piece: younger than all that did before.
  void begin_arrival(memory_share& share) { arriving_.push_back(share); }

  /// Grants `total` bytes in all, or lets the share wait: then `resume` runs some time later, by
  /// whoever gave memory back, without a lock. @return whether it is granted now.
  bool request(memory_share& share, std::size_t total, std::function<void()> resume);

  /// The body is complete, or given up: it waits for nothing more.
  void end_arrival(memory_share& share) noexcept;

  /// Gives all of a share back.
  void release(memory_share& share) noexcept;

  /// Returns one that is to be resumed now, after memory was given back or an older body ended; it
  /// is granted what it wanted. To be asked until it returns none.
  std::function<void()> take_resumed() noexcept;

 private:
  bool grant(memory_share& share, std::size_t total) noexcept;

  const std::size_t limit_;
  std::size_t used_ = 0;
  std::size_t waiting_ = 0;
  boost::intrusive::list<memory_share, boost::intrusive::member_hook<
                                           memory_share, boost::intrusive::list_member_hook<>,
                                           &memory_share::hook>>
      arriving_;  // the oldest first
};

}  // namespace modal::detail
