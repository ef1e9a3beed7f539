// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/limits.hpp>
#include <modal/function/log.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace boost::asio {
class io_context;
}

namespace modal::detail {

class request_handler;

struct server_config {
  std::string address;
  std::uint16_t port = 0;
  std::size_t io_threads = 1;
  modal::limits bounds;
  log_sink log;
  /// How many connections are open: kept by the connections, read by anybody.
  std::shared_ptr<std::atomic<std::size_t>> open = std::make_shared<std::atomic<std::size_t>>(0);
};

/// The HTTP/1.1 listener. Its interface has no Asio, so that only two files compile it.
class server {
 public:
  server(server_config config, std::shared_ptr<request_handler> handler);
  /// **Precondition**: stopped, or never started.
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  /// Listens; on `host`'s threads where it is not null, else on its own.
  /// **Errors**: throws `call_error` with `bad_configuration`.
  void start(boost::asio::io_context* host);

  /// Lets every connection end with its next answer.
  void drain();

  /// Returns whether this thread runs the host's context, whose handlers wait while it does
  /// something else.
  [[nodiscard]] bool runs_on_this_thread() const;

  /// Closes connections whose call has not arrived as a whole, if they are not in the middle of
  /// something on another thread.
  void give_up_arriving();

  /// Closes the listener and idle connections at once, and the others when their answer is written
  /// or `flush` has passed. Joins its own threads. **Precondition**: all calls are answered.
  void stop(std::chrono::nanoseconds flush);

  [[nodiscard]] const std::string& url() const noexcept;
  [[nodiscard]] std::uint16_t port() const noexcept;

 private:
  struct impl;
  std::shared_ptr<impl> impl_;  // owners: this, and handlers of the acceptor until they have run
};

}  // namespace modal::detail
