// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/signal.hpp>
#include <modal/client/client.hpp>
#include <modal/client/encode.hpp>
#include <modal/function/worker_seat.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

namespace modal {

namespace detail {

/// What a handle and the client's thread share. Owners: the handle, and the call until it ends.
class spawned_state : public answer_sink {
 public:
  void on_answer(result<incoming_answer> received) noexcept override {
    answer.emplace(std::move(received));
    arrived.set();
  }

  call_id id;
  std::shared_ptr<pending_call> call;
  decode_limits bounds{};

  signal_once arrived;  // after which answer never changes
  std::optional<result<incoming_answer>> answer;
};

/// The same with the call's arguments: one allocation.
template <class Stored>
class spawned_call final : public spawned_state {
 public:
  template <class... A>
  explicit spawned_call(A&&... arguments) : stored(std::forward<A>(arguments)...) {}

  Stored stored;
};

}  // namespace detail

/// A call that runs while its caller does something else. Made by `modal::remote<f>.spawn`.
/// Move-only; dropping it lets the call run on, unwatched. **Lifetime**: must not outlive the
/// client, save to be destroyed. **Thread safety**: const methods and `cancel` are safe.
template <class R>
class call_handle {
 public:
  explicit call_handle(std::shared_ptr<detail::spawned_state> state) : state_(std::move(state)) {}
  call_handle(call_handle&&) noexcept = default;
  call_handle& operator=(call_handle&&) noexcept = default;

  [[nodiscard]] const call_id& id() const noexcept { return state_->id; }

  /// Waits until the call is over, or for `most`. Returns whether it is over.
  bool wait_for(std::chrono::nanoseconds most) const {
    if (state_->arrived.is_set()) return true;
    if (most.count() <= 0) return false;
    const detail::away_from_seat away;
    return state_->arrived.wait_until(saturating_add(std::chrono::steady_clock::now(), most));
  }

  /// Waits until the call is over; the call's own deadline bounds this.
  void wait() const {
    if (state_->arrived.is_set()) return;
    const detail::away_from_seat away;
    state_->arrived.wait();
  }

  /// Waits, and returns the result or the error. May be called again: it decodes anew.
  result<R> try_get() const {
    wait();
    if (!*state_->answer) return state_->answer->error();
    return detail::decode_result<R>((*state_->answer)->body, state_->bounds);
  }

  /// Waits, and returns the result. **Errors**: throws as `result::value` does.
  R get() const { return try_get().value(); }

  /// Asks the executor to stop the call. The handle then ends with `cancelled`, unless the call was
  /// over already.
  void cancel() const { state_->call->cancel(); }

  /// Waits, and returns where the time went; of a failed call only its id is set.
  [[nodiscard]] call_report report() const {
    wait();
    if (*state_->answer) return (*state_->answer)->report;
    call_report failed;
    failed.id = state_->id;
    return failed;
  }

 private:
  std::shared_ptr<detail::spawned_state> state_;
};

}  // namespace modal
