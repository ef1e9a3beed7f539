// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/error.hpp>
#include <modal/net/stream.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <sys/socket.h>
#include <vector>

namespace modal::detail {

/// An address to connect to.
struct socket_address {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

/// The search for a host's addresses. The system's resolver knows no deadline, so names are sought
/// on threads of their own, eight at most in a process, which nobody waits for; numeric addresses
/// are read at once.
class lookup {
 public:
  lookup() = default;
  /// Starts. **Errors**: throws `std::system_error` where no thread or descriptor is to be had.
  lookup(const std::string& host, const std::string& port);

  /// Returns what becomes ready to read when the search is over; -1 where it is over already.
  [[nodiscard]] int descriptor() const noexcept;

  /// Returns whether the search is over, and then its outcome by `take`.
  [[nodiscard]] bool is_over() const;
  /// **Errors**: `connect_failed`, with the resolver's own text.
  result<std::vector<socket_address>> take();

 private:
  struct shared;
  class searchers;
  std::shared_ptr<shared> shared_;  // owners: this and the thread, which may end much later
};

/// Starts to connect. Returns a non-blocking stream that is ready to write when it is connected or
/// has failed; `code` is an errno, 0 while nothing failed.
struct connecting {
  stream socket;
  int code = 0;
};
connecting start_connect(const socket_address& to) noexcept;

/// Returns the errno with which connecting failed, 0 if it did not.
int connect_outcome(const stream& socket) noexcept;

/// Returns the address of a Unix socket. **Precondition**: `path` fits (107 bytes).
socket_address unix_address(const std::string& path) noexcept;

}  // namespace modal::detail
