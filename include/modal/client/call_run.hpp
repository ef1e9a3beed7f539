// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/client/attempt.hpp>
#include <modal/client/call_fsm.hpp>
#include <modal/client/client.hpp>

#include <string>

namespace modal::detail {

/// The books of one call, for whoever drives it: its rules, when it began, and how its answer or
/// error is finished for the caller.
class call_run {
 public:
  /// To be made on the thread of the caller, whose own call becomes the parent: it bounds the
  /// deadline, and its trace is carried on where the options name none.
  call_run(const outgoing_call& outgoing, const client_config& config, time_point begin);

  call_fsm& machine() noexcept { return machine_; }
  [[nodiscard]] std::size_t arguments_size() const noexcept {
    return outgoing_.arguments->wire_size();
  }
  [[nodiscard]] time_point deadline() const noexcept { return machine_.deadline(); }

  [[nodiscard]] attempt_request make_request(time_point now) const;
  incoming_answer finish(attempt_result&& last, time_point now);
  error finish(error reason, time_point now);

 private:
  const outgoing_call outgoing_;
  const time_point begin_;
  const call_id parent_;  // of the function that makes this call; nil: none
  const int depth_;
  const std::string inherited_trace_;  // of that function's own call
  call_fsm machine_;
};

}  // namespace modal::detail
