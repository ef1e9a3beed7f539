// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/limits.hpp>
#include <modal/function/log.hpp>

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

class door;

struct server_config {
  std::string address;
  std::uint16_t port = 0;
  std::size_t io_threads = 1;
  modal::limits bounds;
  log_sink log;
};

/// The HTTP/1.1 listener. Its interface has no Asio, so that only two files compile it.
class server {
 public:
  /// @param entrance lives as long as this.
  server(server_config config, door& entrance);
  /// **Precondition**: stopped, or never started.
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  /// Listens; on `host`'s threads where it is not null, else on its own.
  /// **Errors**: throws `call_error` with `bad_configuration`.
  void start(boost::asio::io_context* host);

  /// Lets every connection end with its next answer.
  void drain();

  /// Closes the listener and idle connections at once, and the others when their answer is written
  /// or `flush` has passed. Joins its own threads. **Precondition**: all calls are answered.
  void stop(std::chrono::nanoseconds flush);

  [[nodiscard]] const std::string& url() const noexcept;
  [[nodiscard]] std::uint16_t port() const noexcept;
  /// Safe from any thread.
  [[nodiscard]] std::size_t connections() const noexcept;

 private:
  struct impl;
  std::shared_ptr<impl> impl_;  // owners: this, and handlers of the acceptor until they have run
};

}  // namespace modal::detail
