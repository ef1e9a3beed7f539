// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "stack.hpp"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>

/// @file
/// What both floors share: the bytes of a call, and sockets.

namespace bench {

// What is sent of the structs below: the bytes of modal's request for add(int, int) and of its
// response, each head and body, as a system call trace shows them.
constexpr std::size_t request_bytes = 331;
constexpr std::size_t reply_bytes = 271;

struct request {
  std::uint64_t payload_bytes;
  std::int32_t a, b;
  std::int32_t is_echo;  ///< the payload goes back behind the reply
  std::array<char, request_bytes> filler;
};
struct reply {
  std::int64_t value;
  std::array<char, reply_bytes> filler;
};
static_assert(sizeof(request) >= request_bytes && sizeof(reply) >= reply_bytes);

[[noreturn]] inline void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

/// An address of either family.
class socket_address {
 public:
  explicit socket_address(const std::string& text) {
    if (const std::string path = unix_path(text); !path.empty()) {
      auto& local = as<sockaddr_un>();
      local.sun_family = AF_UNIX;
      if (path.size() >= sizeof local.sun_path) throw std::invalid_argument("path is too long");
      std::memcpy(local.sun_path, path.c_str(), path.size() + 1);
      size_ = sizeof local;
      return;
    }
    const auto colon = text.find(':');
    auto& internet = as<sockaddr_in>();
    internet.sin_family = AF_INET;
    if (colon != std::string::npos)
      internet.sin_port = htons(static_cast<std::uint16_t>(std::stoi(text.substr(colon + 1))));
    if (inet_pton(AF_INET, text.substr(0, colon).c_str(), &internet.sin_addr) != 1)
      throw std::invalid_argument("not an address: " + text);
    size_ = sizeof internet;
  }

  [[nodiscard]] int family() const { return storage_.ss_family; }
  [[nodiscard]] socklen_t size() const { return size_; }
  [[nodiscard]] sockaddr* get() { return &as<sockaddr>(); }

 private:
  template <class T>
  T& as() {
    return reinterpret_cast<T&>(storage_);  // the socket interface asks for such casts
  }
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
};

/// Sends what is small without waiting for more; does nothing to a Unix socket.
inline void send_at_once(int socket) {
  const int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

inline int make_socket(int family) {
  const int made = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (made < 0) fail("socket");
  send_at_once(made);
  return made;
}

inline int connect_to(const std::string& endpoint) {
  socket_address address(endpoint);
  const int made = make_socket(address.family());
  if (connect(made, address.get(), address.size()) != 0) fail("connect");
  return made;
}

inline int listen_at(const std::string& address,
                     const std::function<void(const std::string&)>& ready) {
  socket_address bound(address);
  const int listener = make_socket(bound.family());
  if (bind(listener, bound.get(), bound.size()) != 0) fail("bind");
  if (listen(listener, SOMAXCONN) != 0) fail("listen");
  if (bound.family() != AF_INET) {
    ready(address);
    return listener;
  }
  sockaddr_in actual{};
  socklen_t size = sizeof actual;
  getsockname(listener, reinterpret_cast<sockaddr*>(&actual), &size);
  ready(address + ":" + std::to_string(ntohs(actual.sin_port)));
  return listener;
}

/// Returns the next connection.
inline int accept_from(int listener) {
  const int peer = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  if (peer < 0) fail("accept");
  send_at_once(peer);
  return peer;
}

}  // namespace bench
