// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/clock.hpp>
#include <modal/base/error.hpp>
#include <modal/gpu/stream.hpp>

#include "device/device.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace modal::detail {

/// A device as workers use it: with streams that serve one call after the other, a thread that sees
/// what they have passed, so that no worker waits for a device, and one for what takes long. Safe
/// to share.
class device_slot {
 public:
  /// @param patience how long after the deadline of a mark the device is given up.
  explicit device_slot(std::shared_ptr<device> which,
                       std::chrono::nanoseconds patience = std::chrono::seconds{30});
  /// Does not wait for what is watched: that is told all the same, if it is ever passed.
  ~device_slot();
  device_slot(const device_slot&) = delete;
  device_slot& operator=(const device_slot&) = delete;

  [[nodiscard]] device& which() noexcept;
  /// Returns what the device is called: "cuda:1".
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  /// Returns how the device is, or was a moment ago. It is looked at on another thread, once a
  /// second at most; whoever asks waits for that for 20 ms, and not at all while it takes longer.
  /// Of a device that was given up nothing is known.
  device_health health();

  /// Takes a stream for a call. It serves another one when nobody owns it any more; its work must
  /// be done then. **Errors**: `device_fault`, `device_out_of_memory`.
  result<std::shared_ptr<gpu::stream>> take_stream();

  /// Runs `then` on a thread of the device as soon as `mark` is passed, or can never be. It must
  /// not block or throw. @param deadline by which it should be: with some patience more, a device
  /// that has not passed it hangs, and is given up. **Errors**: throws `std::bad_alloc`,
  /// `std::system_error`; then nothing is watched.
  void when_passed(std::shared_ptr<gpu::event> mark, std::function<void()> then,
                   time_point deadline = never);

  /// Runs `task` on another thread of the device, soon: what takes too long for who asks for it. It
  /// must not throw. **Errors**: as `when_passed`.
  void post(std::function<void()> task);

  /// Sees to it, on another thread, that the next one finds the locked memory that somebody wished
  /// for in vain.
  void grant_wish() noexcept;

  /// Waits until all that is watched was passed, or can never be, and was told. Returns false when
  /// `until` has come.
  bool wait_passed(time_point until);

  /// The same, and until no task is left.
  bool wait_quiet(time_point until);

 private:
  struct shared;
  static void watch(const std::shared_ptr<shared>& own);
  static void do_tasks(const std::shared_ptr<shared>& own);

  const std::string name_;
  const std::chrono::nanoseconds patience_;
  const std::shared_ptr<shared> shared_;  // owners: this, its threads, and streams that are out
};

}  // namespace modal::detail
