// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/clock.hpp>
#include <modal/base/error.hpp>
#include <modal/client/options.hpp>

#include <cstdint>

namespace modal {

/// How far an attempt got before it failed.
enum class attempt_progress : std::uint8_t {
  not_sent,  ///< the executor cannot have seen a whole request, so nothing ran
  sent,      ///< it may have run
};

/// The rules of one call: deadline, attempts, waits, cancellation. Pure: no socket, timer, thread
/// or clock inside; whoever drives it performs the actions and reports what came of them.
///
///     start ─▶ send ─▶ on_answer ─▶ finish
///               ▲ └─▶ on_failure ─▶ finish, or wait ─▶ on_wake ─┐
///               └──────────────────────────────────────────────┘
///
/// `on_cancel` and `on_deadline` may come at any time and lead to `finish`.
class call_fsm {
 public:
  struct action {
    enum class kind : std::uint8_t {
      send,    ///< make an attempt, number `attempt()`
      wait,    ///< call `on_wake` at `until`
      finish,  ///< the call is over: with the answer, or with `reason` if it is set
    } what = kind::finish;
    time_point until = never;
    error reason{};
  };

  /// @param seed chooses the jitter; any value.
  call_fsm(const call_options& options, time_point deadline, std::uint64_t seed) noexcept;

  action start(time_point now);
  action on_answer();
  action on_failure(error reason, attempt_progress progress, time_point now);
  action on_wake(time_point now);
  action on_deadline();
  action on_cancel();

  [[nodiscard]] int attempt() const noexcept { return attempt_; }
  [[nodiscard]] time_point deadline() const noexcept { return deadline_; }

 private:
  [[nodiscard]] bool may_retry(const error& reason, attempt_progress progress) const noexcept;
  duration draw_delay() noexcept;

  on_lost lost_;
  int retries_;
  duration base_delay_;
  time_point deadline_;
  std::uint64_t random_;
  int attempt_ = 0;
};

}  // namespace modal
