// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/bytes.hpp>
#include <modal/client/call_fsm.hpp>
#include <modal/client/client.hpp>
#include <modal/client/http_exchange.hpp>
#include <modal/client/url.hpp>
#include <modal/function/in_process.hpp>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

namespace modal::detail {

/// What came of one attempt.
struct attempt_result {
  result<buffer> body;
  executor_report report{};
  attempt_progress progress = attempt_progress::not_sent;
};

/// What one attempt sends.
struct attempt_request {
  call_head head;
  std::string_view own_signature;
  payload* arguments;
  time_point deadline;
};

/// The background thread for asynchronous calls; see async_driver.ipp.
class async_driver {
 public:
  virtual ~async_driver() = default;
  virtual call_canceller start(const outgoing_call& outgoing, time_point begin,
                               answer_handler done) = 0;
};

/// The way to one executor. Safe to share between threads.
class transport {
 public:
  explicit transport(const client_config& config) : config_(config) {}
  virtual ~transport() = default;
  transport(const transport&) = delete;
  transport& operator=(const transport&) = delete;

  result<incoming_answer> call(const outgoing_call& outgoing);
  call_canceller start(const outgoing_call& outgoing, answer_handler done);

 protected:
  virtual attempt_result attempt(const attempt_request& request) = 0;
  virtual std::unique_ptr<async_driver> make_driver() = 0;

  /// Ends the background thread; for destructors, while the rest still stands.
  void stop_driver();

  client_config config_;
  buffer_pool pool_;

 private:
  std::mutex driver_mutex_;  // guards the making of driver_
  std::unique_ptr<async_driver> driver_;
};

/// A connected socket that a blocking call reads and writes on the caller's own thread.
class blocking_connection {
 public:
  explicit blocking_connection(int socket) noexcept : socket_(socket) {}
  blocking_connection(blocking_connection&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)),
        receive_timeout_(other.receive_timeout_),
        idle_since(other.idle_since) {}
  blocking_connection& operator=(blocking_connection&& other) noexcept {
    std::swap(socket_, other.socket_);
    std::swap(receive_timeout_, other.receive_timeout_);
    std::swap(idle_since, other.idle_since);
    return *this;
  }
  ~blocking_connection();

  /// Connects. **Errors**: `connect_failed`, `deadline_exceeded`.
  static result<blocking_connection> open(const endpoint& where, time_point deadline);

  /// Makes one exchange that was started. @param sent tells whether the whole request went out.
  result<void> run(http_exchange& exchange, http_exchange::consent wanted, time_point deadline,
                   const limits& bounds, bool& sent);

  /// Returns whether the peer has closed the connection, or said something unasked, meanwhile.
  [[nodiscard]] bool is_stale() const noexcept;

 private:
  result<void> send(std::vector<bytes_view>& parts, time_point deadline, const limits& bounds);
  result<http_exchange::progress> receive(http_exchange& exchange, time_point deadline);
  void limit_receive(time_point now, time_point deadline) noexcept;

  int socket_ = -1;
  std::chrono::milliseconds receive_timeout_{0};

 public:
  time_point idle_since{};
};

/// Keeps connections that may be used again, the most recent first. Safe to share.
class connection_pool {
 public:
  connection_pool(std::size_t most, duration idle_timeout)
      : most_(most), idle_timeout_(idle_timeout) {}

  /// Returns a connection that is still open, or nothing.
  std::unique_ptr<blocking_connection> take(time_point now);
  void give_back(std::unique_ptr<blocking_connection> used, time_point now);

 private:
  std::mutex mutex_;  // guards idle_
  std::vector<std::unique_ptr<blocking_connection>> idle_;
  std::size_t most_;
  duration idle_timeout_;
};

/// HTTP/1.1 with keep-alive, over TCP or a Unix socket.
class http_transport final : public transport {
 public:
  http_transport(endpoint where, const client_config& config);
  ~http_transport() override;

 private:
  attempt_result attempt(const attempt_request& request) override;
  std::unique_ptr<async_driver> make_driver() override;

  endpoint where_;
  connection_pool connections_;
};

/// The executor in this process.
class in_process_transport final : public transport {
 public:
  in_process_transport(in_process_door& door, const client_config& config);
  ~in_process_transport() override;

 private:
  attempt_result attempt(const attempt_request& request) override;
  std::unique_ptr<async_driver> make_driver() override;

  in_process_door& door_;
};

/// Bodies from this size on wait for the executor's consent, so that a refusal costs no transfer.
inline constexpr std::size_t consent_threshold = 1 << 20;

time_point deadline_of(const call_options& options, const client_config& config, time_point begin);
attempt_request make_attempt(const outgoing_call& outgoing, const call_fsm& machine,
                             time_point now);
incoming_answer finish_answer(const outgoing_call& outgoing, const call_fsm& machine,
                              attempt_result&& last, time_point begin, time_point end);
error finish_error(const outgoing_call& outgoing, error reason, const call_fsm& machine,
                   time_point begin, time_point end);
buffer flatten(payload& arguments, buffer_pool& pool);
std::uint64_t jitter_seed(const call_id& id) noexcept;

std::unique_ptr<async_driver> make_http_driver(const endpoint& where, const client_config& config,
                                               buffer_pool& pool);
std::unique_ptr<async_driver> make_in_process_driver(in_process_door& door,
                                                     const client_config& config,
                                                     buffer_pool& pool);

}  // namespace modal::detail
