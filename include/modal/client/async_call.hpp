// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/client/call_run.hpp>
#include <modal/net/reactor.hpp>

#include <boost/intrusive/list.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <stop_token>

namespace modal::detail {

class connection_pool;

/// One asynchronous call: drives a `call_fsm` and its attempts on a reactor's thread; the beginning
/// of the first one may be on the caller's. Owners: its driver while it runs, whoever may cancel
/// it, and what is posted.
class async_call : public pending_call, public reactor::target, public wakeable {
 public:
  async_call(std::shared_ptr<class driver_state> driver, const outgoing_call& outgoing,
             const client_config& config, std::shared_ptr<answer_sink> sink);
  ~async_call() override;

  void begin() override;
  void cancel() noexcept override;
  void wake() noexcept override;
  /// Is cancelled by `stop`. Before it begins. Throws `std::bad_alloc`.
  void end_with(const std::stop_token& stop);

  /// Ends it now. On the reactor's thread.
  void abort_cancelled();

  boost::intrusive::list_member_hook<> running_hook;

 protected:
  virtual attempt& way() noexcept = 0;
  /// Returns whether an attempt has no descriptor that tells when it may go on.
  [[nodiscard]] virtual bool needs_wake() const noexcept = 0;
  /// Returns whether the first attempt, with so many bytes of arguments, begins on the caller's
  /// thread.
  [[nodiscard]] virtual bool begins_here(std::size_t) const noexcept { return false; }

 private:
  void on_posted() override;
  void on_ready() override;
  void on_time() override;
  void on_error(const char* what) noexcept override;

  bool begin_here();
  bool begin_woken();
  void start_attempt(time_point now);
  void perform(call_fsm::action next);
  void step(time_point now);
  void watch_and_wait();
  void unwatch() noexcept;
  bool end_if_late(time_point now);
  void finish(result<incoming_answer> answer) noexcept;

  struct canceller {
    std::weak_ptr<async_call> whom;
    void operator()() const noexcept {
      if (const auto call = whom.lock()) call->cancel();
    }
  };

  const std::shared_ptr<class driver_state> driver_;
  call_run run_;
  std::shared_ptr<answer_sink> sink_;
  std::shared_ptr<async_call> self_;  // while it runs
  /// Whose turn the beginning is: while the caller's thread sends, the reactor's only leaves a
  /// mark.
  enum class beginning : std::uint8_t { here, here_and_seen, over };
  std::atomic<beginning> beginning_{beginning::over};
  std::optional<call_fsm::action> first_;  // of the machine, once it was asked
  std::atomic<bool> begun_{false};
  std::atomic<bool> cancel_wanted_{false};
  bool is_running_ = false;
  bool is_ready_ = false;   // what began on the caller's thread need not wait
  bool is_trying_ = false;  // an attempt is under way; else a wait
  bool is_over_ = false;
  int watched_ = -1;
  unsigned watched_serial_ = 0;
  std::optional<std::stop_callback<canceller>> stopped_;
};

/// What runs on the thread of a client's calls at its end, once each.
struct driver_hooks {
  std::function<void()> before;  ///< its calls are about to be cancelled
  std::function<void()> after;   ///< they have ended
};

/// What the calls of one client share. Owners: the driver, and every call.
class driver_state {
 public:
  driver_state(connection_pool* connections, polling how, driver_hooks at_end);

  reactor events;
  boost::intrusive::list<
      async_call, boost::intrusive::member_hook<async_call, boost::intrusive::list_member_hook<>,
                                                &async_call::running_hook>>
      running;
  driver_hooks hooks;
  bool is_ending = false;
};

/// The background thread of a client's asynchronous calls.
class async_driver {
 public:
  /// @param connections whose idle members the thread watches; may be null. @param how it waits.
  /// **Errors**: throws `std::system_error`.
  async_driver(connection_pool* connections, polling how, driver_hooks at_end);
  ~async_driver() { end(); }

  /// Cancels what runs: every sink has its answer when this returns. On the thread itself, what was
  /// prepared but has not begun is cancelled soon after. What is prepared now ends as well.
  void end() noexcept;

  [[nodiscard]] const std::shared_ptr<driver_state>& state() const noexcept { return state_; }

 private:
  connection_pool* const connections_;
  const std::shared_ptr<driver_state> state_;
  bool has_ended_ = false;
};

}  // namespace modal::detail
