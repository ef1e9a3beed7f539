// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/wire/http_call.hpp>
#include <modal/wire/output_archive.hpp>

#include "support/catch.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstddef>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

// A server that says what a test tells it to, for tests of what a client does with it. Nothing
// sleeps: each step waits for what the client does, for a minute at most.
namespace test {

/// One connection that a client made.
class scripted_connection {
 public:
  explicit scripted_connection(int descriptor) : descriptor_(descriptor) {
    const timeval longest{60, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof longest);
    ::setsockopt(descriptor_, SOL_SOCKET, SO_SNDTIMEO, &longest, sizeof longest);
  }
  scripted_connection(scripted_connection&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)), input_(std::move(other.input_)) {}
  ~scripted_connection() { close(); }

  void close() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }

  /// Returns whether the client still reads.
  bool try_send(std::string_view text) {
    while (!text.empty()) {
      const auto sent = ::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void send(std::string_view text) { REQUIRE(try_send(text)); }

  /// Reads a head, and leaves the body.
  std::string read_head() {
    std::size_t end = 0;
    while ((end = input_.find("\r\n\r\n")) == std::string::npos) REQUIRE(read_more());
    auto head = input_.substr(0, end + 4);
    input_.erase(0, end + 4);
    return head;
  }

  /// Reads a head and its body; returns the head.
  std::string read_request() {
    auto head = read_head();
    const std::size_t size = std::stoul(field(head, "content-length"));
    while (input_.size() < size) REQUIRE(read_more());
    input_.erase(0, size);
    return head;
  }

  /// Reads `size` bytes.
  std::string read_exactly(std::size_t size) {
    while (input_.size() < size) REQUIRE(read_more());
    auto bytes = input_.substr(0, size);
    input_.erase(0, size);
    return bytes;
  }

  /// Reads up to `most` bytes. Returns false when the client has closed.
  bool read_some(std::size_t most = 65536) {
    std::string bytes(most, '\0');
    return ::recv(descriptor_, bytes.data(), most, 0) > 0;
  }

  /// Returns whether the client closes, whatever it sends before that.
  bool sees_close() {
    while (read_some()) {
    }
    return true;
  }

  static std::string field(const std::string& head, const std::string& name) {
    const auto at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return {};
    const auto begin = at + name.size() + 4;
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }

 private:
  bool read_more() {
    char bytes[65536];
    const auto got = ::recv(descriptor_, bytes, sizeof bytes, 0);
    if (got <= 0) return false;
    input_.append(bytes, static_cast<std::size_t>(got));
    return true;
  }

  int descriptor_ = -1;
  std::string input_;
};

/// Listens on a free port of the loopback.
class scripted_peer {
 public:
  explicit scripted_peer(int backlog = 64) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&where), sizeof where) == 0);
    REQUIRE(::listen(listener_, backlog) == 0);
    socklen_t size = sizeof where;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&where), &size);
    port_ = ntohs(where.sin_port);
  }
  /// At the abstract Unix socket `name`.
  explicit scripted_peer(const std::string& name) {
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    name.copy(where.sun_path + 1, sizeof where.sun_path - 1);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&where), size) == 0);
    REQUIRE(::listen(listener_, 64) == 0);
  }
  ~scripted_peer() { ::close(listener_); }
  scripted_peer(const scripted_peer&) = delete;

  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] int port() const { return port_; }

  scripted_connection accept() {
    pollfd waiting{listener_, POLLIN, 0};
    REQUIRE(::poll(&waiting, 1, 60'000) == 1);
    const int made = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    REQUIRE(made >= 0);
    return scripted_connection(made);
  }

  /// Returns whether a client is waiting to be accepted.
  [[nodiscard]] bool has_another() const {
    pollfd waiting{listener_, POLLIN, 0};
    return ::poll(&waiting, 1, 0) == 1;
  }

 private:
  int listener_ = -1;
  int port_ = 0;
};

/// What an executor answers to the request of this head.
template <class R>
std::string answer_to(const std::string& request, const R& value) {
  modal::payload result;
  modal::output_archive archive(result);
  archive(value);
  const auto bytes = result.to_bytes();
  const std::string body(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return "HTTP/1.1 200 OK\r\ncontent-type: application/vnd.modal.call\r\nmodal-call-id: " +
         scripted_connection::field(request, "modal-call-id") +
         "\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// How an executor refuses.
inline std::string refusal(modal::errc what, int status) {
  const auto body = modal::to_problem(modal::error(what, "no"), status);
  return "HTTP/1.1 " + std::to_string(status) +
         " No\r\ncontent-type: application/problem+json\r\ncontent-length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace test
