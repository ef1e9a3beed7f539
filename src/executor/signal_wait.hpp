// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <functional>

namespace modal::detail {

/// Waits for SIGINT and SIGTERM. While at least one waits, all are told of each signal; afterwards
/// the program's own handlers are back.
class signal_wait {
 public:
  /// **Errors**: throws `std::system_error` where there is no file descriptor left.
  signal_wait();
  ~signal_wait();
  signal_wait(const signal_wait&) = delete;
  signal_wait& operator=(const signal_wait&) = delete;

  /// Calls `on_signal` for each signal until `end` is called, also where that was before.
  void run(const std::function<void(int)>& on_signal);
  /// Safe from any thread.
  void end() noexcept;

 private:
  std::array<int, 2> pipe_{-1, -1};
};

}  // namespace modal::detail
