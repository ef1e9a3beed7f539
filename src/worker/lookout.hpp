// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace modal::detail {

/// What a worker does while there is no call for it: it looks for what may bring one, so that it
/// need not be woken for that. Safe to share.
class lookout {
 public:
  virtual ~lookout() = default;

  /// Waits for something to do, does it and returns, or returns because of `wake`; at times for
  /// nothing.
  virtual void look() noexcept = 0;

  /// Lets one `look` return that is under way, or else the next one. From any thread, whatever it
  /// holds.
  virtual void wake() noexcept = 0;

  /// This thread goes to run a call, or ends: somebody else has to look.
  virtual void hand_over() noexcept = 0;
};

}  // namespace modal::detail
