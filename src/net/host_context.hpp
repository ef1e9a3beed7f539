// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/event_loop.hpp"

#include <memory>

namespace boost::asio {
class io_context;
}

namespace modal::detail {

/// Runs an `event_loop` on the threads of a host's `io_context`, one at a time.
class host_context {
 public:
  /// Begins. **Errors**: throws `std::system_error`, `std::bad_alloc`.
  host_context(boost::asio::io_context& host, std::shared_ptr<event_loop> loop);
  ~host_context();
  host_context(const host_context&) = delete;
  host_context& operator=(const host_context&) = delete;

  /// Gives the loop back to those who `keep` it. What is still queued in the host's context touches
  /// nothing of the host's, and may run, or be destroyed, at any time. Idempotent.
  /// **Precondition**: the context lives. **Errors**: throws `std::bad_alloc`; then it may be
  /// called again.
  void end();

 private:
  struct shared;
  std::shared_ptr<shared> shared_;  // owners: this until `end`, and the handlers in the context
};

}  // namespace modal::detail
