// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/clock.hpp>
#include <modal/net/stream.hpp>

namespace modal::detail {

/// Wakes one thread that waits for a descriptor. Safe to share, save `wait` and `clear`, which are
/// for one thread at a time.
class bell {
 public:
  bell() noexcept;

  /// Waits until `descriptor` (-1: none) is ready for `what`, or somebody has rung, or until
  /// `until`.
  void wait(int descriptor, readiness what, time_point until) const noexcept;
  /// Ends a `wait` that is under way, or the next one.
  void ring() noexcept;
  /// Takes note of it.
  void clear() noexcept;

 private:
  stream wake_;  // an eventfd; where there is none to be had, waits are short
};

}  // namespace modal::detail
