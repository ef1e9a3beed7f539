// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/bytes.hpp>
#include <modal/base/error.hpp>
#include <modal/client/call_fsm.hpp>
#include <modal/net/stream.hpp>
#include <modal/wire/http_call.hpp>
#include <modal/wire/payload.hpp>

#include <memory>
#include <string_view>

namespace modal::detail {

/// What one attempt sends.
struct attempt_request {
  call_head head;
  std::string_view own_signature;
  payload* arguments = nullptr;  ///< lives until the attempt is over or closed
  time_point deadline = never;
};

/// What came of one attempt.
struct attempt_result {
  result<buffer> body;
  executor_report report{};
  attempt_progress progress = attempt_progress::not_sent;
  path_kind path = path_kind::none;
};

/// A descriptor that an attempt waits on. `serial` differs for each descriptor that the attempt
/// ever had, for numbers are used again; `is_watched` is for whoever watches it, and lives with it.
struct interest {
  int descriptor = -1;
  readiness what = readiness::none;
  time_point until = never;
  unsigned serial = 0;
  bool* is_watched = nullptr;
};

/// Whom an attempt without a descriptor tells that it may go on.
class wakeable {
 public:
  virtual ~wakeable() = default;
  /// From any thread; the attempt may be over by then, or be another one.
  virtual void wake() noexcept = 0;
};

/// One attempt of a call, driven by its owner, who keeps the call's deadline:
///
///     start ─▶ advance ─▶ (true) take
///               ▲   └─▶ (false) wait, or watch `wants` ─┐
///               └───────────────────────────────────────┘
///
/// Never blocks but in `wait`. May be started again after `take` or `close`. One thread at a time.
class attempt {
 public:
  virtual ~attempt() = default;

  /// @param owner is told when an attempt without a descriptor may go on; null for owners who
  /// `wait`.
  virtual void start(attempt_request request, std::shared_ptr<wakeable> owner, time_point now) = 0;

  /// Goes on as far as it can. Returns whether the attempt is over.
  virtual bool advance(time_point now) = 0;

  /// Returns what to wait for; no descriptor where the owner is told.
  [[nodiscard]] virtual interest wants() const noexcept = 0;

  /// Returns whether its owner is told when it may go on; else somebody has to watch what it
  /// `wants`, or to wait.
  [[nodiscard]] virtual bool wakes() const noexcept { return false; }

  /// Waits until it may go on, or until `until`.
  virtual void wait(time_point until) = 0;

  /// Its owner may `interrupt`. Before the first `start`. Throws `std::bad_alloc`.
  virtual void allow_interrupts() {}
  /// Ends the `wait` that is under way, or is about to begin, and all later ones. From another
  /// thread, while the owner does nothing else with it; never blocks for long.
  virtual void interrupt() noexcept = 0;

  /// Returns what came of it, once it is over. What it held is released or ready for other calls.
  virtual attempt_result take(time_point now) = 0;

  /// Ends it: nothing of the request is touched afterwards, and the executor is told.
  virtual void close() noexcept = 0;

  /// Returns whether the executor may have seen the whole request.
  [[nodiscard]] virtual attempt_progress reached() const noexcept = 0;
};

}  // namespace modal::detail
