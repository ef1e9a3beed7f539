// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/clock.hpp>
#include <modal/base/ids.hpp>
#include <modal/function/lazy_stop.hpp>
#include <modal/function/log.hpp>

#include <stop_token>
#include <string>
#include <string_view>

namespace modal {

/// What a function can know about the call that it serves: `modal::this_call()`.
/// **Lifetime**: until the function returns. **Thread safety**: const; hand it to threads of the
/// function's own by reference.
class call_context {
 public:
  struct state {
    call_id id;
    int attempt = 1;
    int depth = 0;
    time_point deadline = never;
    detail::lazy_stop* stop = nullptr;  // lives as long as the context
    std::string_view function;
    std::string_view traceparent;
    const log_sink* sink = nullptr;
  };

  explicit call_context(const state& values) : state_(values) {}

  /// Returns the call's id; nil outside of calls.
  [[nodiscard]] const call_id& id() const noexcept { return state_.id; }

  /// Returns which attempt this is, from 1.
  [[nodiscard]] int attempt() const noexcept { return state_.attempt; }

  /// Returns how many calls this one is nested in: 0 for one that no served function made.
  [[nodiscard]] int depth() const noexcept { return state_.depth; }

  /// Returns when the caller stops waiting; `never` outside of calls.
  [[nodiscard]] time_point deadline() const noexcept { return state_.deadline; }

  /// Returns the token that is stopped when the caller cancels or goes away, when the deadline
  /// passes and when the executor ends its grace period. Outside of calls one that never is. The
  /// first use takes memory: ask for it once, or by `stop_requested`.
  [[nodiscard]] std::stop_token stop_token() const {
    return state_.stop != nullptr ? state_.stop->token() : std::stop_token();
  }

  /// Returns whether that token is stopped, or will be in a moment.
  [[nodiscard]] bool stop_requested() const noexcept {
    return state_.stop != nullptr && state_.stop->is_requested();
  }

  /// Returns the wire name of the function; empty outside of calls.
  [[nodiscard]] std::string_view function() const noexcept { return state_.function; }

  /// Returns the caller's W3C trace context, or an empty text.
  [[nodiscard]] std::string_view traceparent() const noexcept { return state_.traceparent; }

  /// Writes a line to the executor's log, marked with this call's id; to stderr outside of calls.
  void log(log_level level, std::string_view message) const;
  void log(std::string_view message) const { log(log_level::info, message); }

 private:
  state state_;
};

/// Returns the context of the call that this thread is serving. Outside of calls, as in a unit test
/// that runs the function locally: a context without id, deadline or stop request.
[[nodiscard]] const call_context& this_call() noexcept;

namespace detail {

/// Makes `context` the answer of `this_call()` on this thread while it lives. They nest.
class call_scope {
 public:
  explicit call_scope(const call_context& context) noexcept;
  ~call_scope();
  call_scope(const call_scope&) = delete;
  call_scope& operator=(const call_scope&) = delete;

 private:
  const call_context* previous_;
};

}  // namespace detail
}  // namespace modal
