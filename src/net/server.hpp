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

class event_loop;
class request_handler;

struct server_config {
  std::string address;
  std::uint16_t port = 0;
  std::size_t io_threads = 1;
  bool local = false;  ///< of a TCP listener: an abstract Unix socket is offered on this host
  modal::limits bounds;
  log_sink log;
  std::shared_ptr<event_loop> loop;  ///< of which this is the only server
  /// How many connections are open: kept by the connections, read by anybody.
  std::shared_ptr<std::atomic<std::size_t>> open = std::make_shared<std::atomic<std::size_t>>(0);
};

/// The HTTP/1.1 listener.
class server {
 public:
  server(server_config config, std::shared_ptr<request_handler> handler);
  /// **Precondition**: stopped, or never started.
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  /// Listens, and sees to it that somebody runs the loop: `host`'s threads where it is not null,
  /// else its own.
  /// **Errors**: throws `call_error` with `bad_configuration`.
  void start(boost::asio::io_context* host);

  /// Lets every connection end with its next answer. From now on its own threads run the loop: a
  /// host's may wait for what comes of it.
  void drain();

  /// Closes the listener and idle connections at once, and the others when their answer is written
  /// or `flush` has passed. Ends the loop, and joins its own threads. **Precondition**: all calls
  /// are answered, and nobody looks.
  void stop(std::chrono::nanoseconds flush);

  [[nodiscard]] const std::string& url() const noexcept;
  [[nodiscard]] std::uint16_t port() const noexcept;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace modal::detail
