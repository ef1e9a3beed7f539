// SPDX-License-Identifier: Apache-2.0
#include "net/acceptor.hpp"

#include <modal/base/error.hpp>

#include "net/connection.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

namespace modal::detail {
namespace {

constexpr std::string_view unix_prefix = "unix:";
constexpr std::chrono::milliseconds accept_pause{100};
constexpr std::chrono::seconds last_wait{1};
constexpr int most_at_once = 64;

[[noreturn]] void throw_listen(const server_config& config, const std::string& why) {
  throw_error(error(errc::bad_configuration, "cannot listen on " + config.address +
                                                 (config.address.starts_with(unix_prefix)
                                                      ? std::string()
                                                      : " port " + std::to_string(config.port)) +
                                                 ": " + why));
}

stream make_socket(int family, const server_config& config) {
  stream made(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!made.is_open()) throw_listen(config, std::strerror(errno));
  return made;
}

bool is_same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// A socket file outlives its listener. It is removed only if nobody answers there, and never if it
// is something else than a socket.
void remove_stale_socket(const server_config& config, const sockaddr_un& where) {
  struct stat found {};
  if (::lstat(where.sun_path, &found) != 0) return;
  if (!S_ISSOCK(found.st_mode)) throw_listen(config, "a file that is no socket is in the way");
  const stream probe = make_socket(AF_UNIX, config);
  // A full backlog (EAGAIN) is a sign of life too.
  if (::connect(probe.native_handle(), reinterpret_cast<const sockaddr*>(&where), sizeof where) ==
          0 ||
      errno != ECONNREFUSED)
    throw_listen(config, "somebody listens there already");
  ::unlink(where.sun_path);
}

}  // namespace

acceptor::acceptor(const server_config& config, std::shared_ptr<server_state> shared,
                   std::function<void(stream)> serve)
    : shared_(std::move(shared)), serve_(std::move(serve)) {
  if (config.address.starts_with(unix_prefix))
    listen_unix(config);
  else
    listen_tcp(config);
}

// See unix(7): a name that begins with a zero is no file's, and goes with its listener.
acceptor::acceptor(const server_config& config, std::string_view name,
                   std::shared_ptr<server_state> shared, std::function<void(stream)> serve)
    : shared_(std::move(shared)), serve_(std::move(serve)), is_tcp_(false) {
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  name = name.substr(0, sizeof where.sun_path - 1);
  std::memcpy(where.sun_path + 1, name.data(), name.size());
  socket_ = make_socket(AF_UNIX, config);
  bind_to(config, &where, offsetof(sockaddr_un, sun_path) + 1 + name.size());
}

void acceptor::bind_to(const server_config& config, const void* where, std::size_t size) {
  if (::bind(socket_.native_handle(), static_cast<const sockaddr*>(where),
             static_cast<socklen_t>(size)) != 0 ||
      ::listen(socket_.native_handle(), SOMAXCONN) != 0)
    throw_listen(config, std::strerror(errno));
}

void acceptor::listen_unix(const server_config& config) {
  is_tcp_ = false;
  const std::string path = config.address.substr(unix_prefix.size());
  sockaddr_un where{};
  if (path.empty() || path.front() != '/')
    throw_listen(config, "a Unix socket needs an absolute path");
  if (path.size() >= sizeof where.sun_path)
    throw_listen(config,
                 "the path is longer than " + std::to_string(sizeof where.sun_path - 1) + " bytes");
  where.sun_family = AF_UNIX;
  path.copy(where.sun_path, path.size());
  remove_stale_socket(config, where);
  socket_ = make_socket(AF_UNIX, config);
  bind_to(config, &where, sizeof where);
  path_ = path;
  ::lstat(path.c_str(), &path_identity_);
  url_ = "http+unix://" + path;
}

void acceptor::listen_tcp(const server_config& config) {
  addrinfo wanted{};
  wanted.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  // The resolver would also take "1" and "127.1" for addresses.
  in_addr v4{};
  const bool is_v6 = config.address.find(':') != std::string::npos;
  if ((!is_v6 && ::inet_pton(AF_INET, config.address.c_str(), &v4) != 1) ||
      ::getaddrinfo(config.address.c_str(), std::to_string(config.port).c_str(), &wanted, &found) !=
          0)
    throw_listen(config, "this is no IP address and does not start with unix:/");
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> where(found, ::freeaddrinfo);
  socket_ = make_socket(where->ai_family, config);
  const int on = 1;
  ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  bind_to(config, where->ai_addr, where->ai_addrlen);
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  ::getsockname(socket_.native_handle(), reinterpret_cast<sockaddr*>(&bound), &size);
  port_ = ntohs(is_v6 ? reinterpret_cast<const sockaddr_in6&>(bound).sin6_port
                      : reinterpret_cast<const sockaddr_in&>(bound).sin_port);
  // A wildcard is no address to connect to.
  std::string name = config.address;
  if (name == "0.0.0.0") name = "127.0.0.1";
  if (name == "::") name = "::1";
  url_ = "http://" + (is_v6 ? "[" + name + "]" : name) + ":" + std::to_string(port_);
}

void acceptor::remove_socket_file() const {
  if (path_.empty()) return;
  // Only our own: somebody may have put another socket there meanwhile.
  struct stat found {};
  if (::lstat(path_.c_str(), &found) == 0 && is_same_file(found, path_identity_))
    ::unlink(path_.c_str());
}

void acceptor::start() {
  shared_->loop->raise(*this, begins);
  if (failure_) std::rethrow_exception(failure_);
}

void acceptor::stop() {
  if (!is_stopped_.exchange(true)) {
    remove_socket_file();
    shared_->loop->raise(*this, closes);
  }
  is_gone_.wait_for(last_wait);
}

void acceptor::close() noexcept {
  shared_->loop->schedule(*this, never);
  shared_->loop->unwatch(socket_.native_handle(), *this);
  socket_.close();
  gone_.set_value();
}

void acceptor::on_events(event_loop::events what) noexcept {
  if (!socket_.is_open()) return;
  if ((what & begins) != 0) {
    try {
      return shared_->loop->watch(socket_.native_handle(), *this);
    } catch (...) {
      failure_ = std::current_exception();
      return;
    }
  }
  if ((what & closes) != 0) return close();
  accept_some();
}

void acceptor::accept_some() {
  for (int i = 0; i < most_at_once; ++i) {
    if (is_stopped_.load()) return;
    stream peer(::accept4(socket_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!peer.is_open()) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) return;
      if (errno == ECONNABORTED || errno == EINTR) continue;
      return pause(errno);  // nobody would tell again of those who wait
    }
    is_pausing_ = false;
    if (is_tcp_) {
      const int on = 1;
      ::setsockopt(peer.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    try {
      serve_(std::move(peer));
    } catch (const std::exception& thrown) {
      shared_->log.say(log_level::error, "a connection was dropped: ", thrown.what());
    } catch (...) {
      shared_->log.say(log_level::error, "a connection was dropped");
    }
  }
  shared_->loop->tell(shared_from_this(), goes_on);
}

// Out of file descriptors, most often: accepting again at once would only burn a core.
void acceptor::pause(int why) {
  if (!std::exchange(is_pausing_, true))
    shared_->log.say(log_level::warning, "cannot accept connections for now: ", std::strerror(why));
  shared_->loop->schedule(*this, saturating_add(std::chrono::steady_clock::now(), accept_pause));
}

}  // namespace modal::detail
