// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/mutex.hpp>
#include <modal/client/async_call.hpp>
#include <modal/client/http_attempt.hpp>
#include <modal/client/in_process_attempt.hpp>
#include <modal/client/session_attempt.hpp>

#include <memory>
#include <optional>

/// @file
/// The way to one executor: blocking and asynchronous calls drive the same machines, `call_fsm` for
/// the call and an `attempt` for each try.

namespace modal::detail {

/// Safe to share between threads.
class transport {
 public:
  explicit transport(const client_config& config);
  virtual ~transport() = default;
  transport(const transport&) = delete;
  transport& operator=(const transport&) = delete;

  virtual result<incoming_answer> call(const outgoing_call& outgoing) = 0;
  std::shared_ptr<pending_call> prepare(const outgoing_call& outgoing,
                                        std::shared_ptr<answer_sink> sink);

  [[nodiscard]] const client_config& config() const noexcept { return config_; }

 protected:
  /// Drives a blocking call on this thread.
  result<incoming_answer> drive(const outgoing_call& outgoing, attempt& way);
  virtual std::shared_ptr<async_call> make_call(const outgoing_call& outgoing,
                                                std::shared_ptr<answer_sink> sink,
                                                std::shared_ptr<driver_state> driver) = 0;
  virtual connection_pool* connections() noexcept = 0;
  /// Run at the end of the background thread, on that: before and after its calls end.
  virtual void fall_silent() noexcept {}
  virtual void end_watch() noexcept {}

  /// Ends the background thread; for destructors, while the rest still stands.
  void stop_driver() noexcept;

 private:
  /// Returns what is wrong with a call before anything is done about it.
  [[nodiscard]] std::optional<error> check(const outgoing_call& outgoing) const;

  const client_config config_;
  const unsigned born_in_;      ///< see `fork_count`
  detail::mutex driver_mutex_;  // guards the making of driver_
  std::unique_ptr<async_driver> driver_;
};

/// Sessions, or HTTP/1.1 with keep-alive, over TCP or a Unix socket.
class http_transport final : public transport {
 public:
  http_transport(endpoint where, const client_config& config);
  ~http_transport() override;

  result<incoming_answer> call(const outgoing_call& outgoing) override;

 private:
  std::shared_ptr<async_call> make_call(const outgoing_call& outgoing,
                                        std::shared_ptr<answer_sink> sink,
                                        std::shared_ptr<driver_state> driver) override;
  connection_pool* connections() noexcept override { return &target_.connections; }
  void fall_silent() noexcept override { sessions_.fall_silent(); }
  void end_watch() noexcept override { sessions_.detach(); }

  http_target target_;
  session_pool sessions_;
};

/// The executor in this process.
class in_process_transport final : public transport {
 public:
  in_process_transport(in_process_door& door, const client_config& config);
  ~in_process_transport() override;

  result<incoming_answer> call(const outgoing_call& outgoing) override;

 private:
  std::shared_ptr<async_call> make_call(const outgoing_call& outgoing,
                                        std::shared_ptr<answer_sink> sink,
                                        std::shared_ptr<driver_state> driver) override;
  connection_pool* connections() noexcept override { return nullptr; }

  in_process_door& door_;
  buffer_pool pool_;
};

}  // namespace modal::detail
