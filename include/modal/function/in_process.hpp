// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/bytes.hpp>
#include <modal/base/error.hpp>
#include <modal/wire/http_call.hpp>
#include <modal/wire/payload.hpp>

#include <functional>
#include <memory>

/// @file
/// Where client and executor meet inside one process, without knowing each other: the client asks
/// the linker whether an executor is there (design/adr/0008-in-process-executor.md).

namespace modal::detail {

/// What came back from a call inside the process.
struct in_process_answer {
  result<buffer> body;  ///< the result's payload, as it would arrive over HTTP
  executor_report report;
};

/// An executor in the same process, without sockets. Safe to share between threads.
class in_process_door {
 public:
  virtual ~in_process_door() = default;

  /// A call that was started; harmless after it ended. Safe to share.
  class started_call {
   public:
    virtual ~started_call() = default;
    virtual void cancel() noexcept = 0;
    /// Runs the call on this thread, if this is a worker of the same executor, whose function waits
    /// for it, and no other worker has begun with it. Returns whether it did.
    virtual bool run_here() = 0;
  };

  /// Starts a call. `done` runs exactly once, on a worker thread or, where the call is refused,
  /// before this returns. `body` holds a whole payload. Returns null where the call was refused.
  virtual std::shared_ptr<started_call> start(call_head head, buffer body,
                                              std::function<void(in_process_answer)> done) = 0;
};

}  // namespace modal::detail

extern "C" {
/// Returns the executor of this process, made on first use, or null where it could not be made.
/// Defined by modal::executor, which its users link; a null address otherwise.
__attribute__((weak)) modal::detail::in_process_door* modal_in_process_executor();
}
