// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/net/stream.hpp>

#include "net/event_loop.hpp"
#include "net/server.hpp"

#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <sys/stat.h>

namespace modal::detail {

struct server_state;

/// Listens at an address, and gives away what connects there.
class acceptor final : public event_loop::target {
 public:
  /// Binds and listens. @param serve takes a connected socket, on any thread; what it throws costs
  /// that connection. **Errors**: throws `call_error` with `bad_configuration`.
  acceptor(const server_config& config, std::shared_ptr<server_state> shared,
           std::function<void(stream)> serve);

  /// The same at the abstract Unix socket `name`.
  acceptor(const server_config& config, std::string_view name, std::shared_ptr<server_state> shared,
           std::function<void(stream)> serve);

  /// Accepts from now on. **Errors**: as `event_loop::watch`.
  void start();
  /// Accepts nothing more. Returns when the last one was given away, or after a second: then a
  /// thread is still busy with it.
  void stop();

  [[nodiscard]] const std::string& url() const noexcept { return url_; }
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] bool is_tcp() const noexcept { return is_tcp_; }

 protected:
  void on_events(event_loop::events what) noexcept override;

 private:
  static constexpr event_loop::events begins = event_loop::first_own << 0;
  static constexpr event_loop::events closes = event_loop::first_own << 1;
  static constexpr event_loop::events goes_on = event_loop::first_own << 2;

  void listen_unix(const server_config& config);
  void listen_tcp(const server_config& config);
  void bind_to(const server_config& config, const void* where, std::size_t size);
  void remove_socket_file() const;
  void accept_some();
  void pause(int why);
  void close() noexcept;

  const std::shared_ptr<server_state> shared_;
  const std::function<void(stream)> serve_;
  stream socket_;
  bool is_tcp_ = true;
  bool is_pausing_ = false;
  std::string path_;  // of a Unix socket
  struct stat path_identity_ {};
  std::string url_;
  std::uint16_t port_ = 0;
  std::atomic<bool> is_stopped_{false};
  std::exception_ptr failure_;  // to start
  std::promise<void> gone_;
  std::future<void> is_gone_ = gone_.get_future();
};

}  // namespace modal::detail
