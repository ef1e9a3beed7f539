// SPDX-License-Identifier: Apache-2.0
//
// The floor: blocking sockets, one thread a connection, no encoding at all. An add sends and
// receives as many bytes as modal's HTTP messages for it; a send is one gather write, read into a
// buffer that is kept from call to call.

#include "stack.hpp"

#include <arpa/inet.h>
#include <array>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <vector>

namespace bench {
namespace {

// What is sent of the structs below: the bytes of modal's request for add(int, int) and of its
// response, each head and body, as a system call trace shows them.
constexpr std::size_t request_bytes = 331;
constexpr std::size_t reply_bytes = 271;

struct request {
  std::uint64_t payload_bytes;
  std::int32_t a, b;
  std::array<char, request_bytes> filler;
};
struct reply {
  std::int64_t value;
  std::array<char, reply_bytes> filler;
};
static_assert(sizeof(request) >= request_bytes && sizeof(reply) >= reply_bytes);

[[noreturn]] void fail(const char* what) {
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

int make_socket(int family) {
  const int made = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (made < 0) fail("socket");
  const int on = 1;
  if (family == AF_INET) setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return made;
}

/// Returns false at the end of the stream.
bool read_all(int from, void* to, std::size_t size) {
  auto* place = static_cast<char*>(to);
  while (size != 0) {
    const ssize_t got = recv(from, place, size, 0);
    if (got < 0 && errno != EINTR) fail("recv");
    if (got == 0) return false;
    if (got < 0) continue;
    place += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

void write_all(int to, const void* head, std::size_t head_size, std::span<const float> body) {
  std::array<iovec, 2> parts{iovec{const_cast<void*>(head), head_size},
                             iovec{const_cast<float*>(body.data()), body.size_bytes()}};
  std::size_t left = head_size + body.size_bytes();
  while (left != 0) {
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    const ssize_t sent = sendmsg(to, &message, MSG_NOSIGNAL);
    if (sent < 0 && errno != EINTR) fail("sendmsg");
    if (sent < 0) continue;
    left -= static_cast<std::size_t>(sent);
    auto done = static_cast<std::size_t>(sent);
    for (iovec& part : parts) {
      const std::size_t taken = std::min(done, part.iov_len);
      part.iov_base = static_cast<char*>(part.iov_base) + taken;
      part.iov_len -= taken;
      done -= taken;
    }
  }
}

void serve_connection(int peer) {
  request asked{};
  reply answer{};
  std::vector<float> numbers;
  while (read_all(peer, &asked, request_bytes)) {
    answer.value = std::int64_t{asked.a} + asked.b;
    if (asked.payload_bytes != 0) {
      numbers.resize(asked.payload_bytes / sizeof(float));
      if (!read_all(peer, numbers.data(), asked.payload_bytes)) break;
      answer.value = digest(numbers);
    }
    write_all(peer, &answer, reply_bytes, {});
  }
  close(peer);
}

class raw_connection final : public connection {
 public:
  explicit raw_connection(const std::string& endpoint) {
    socket_address address(endpoint);
    socket_ = make_socket(address.family());
    if (connect(socket_, address.get(), address.size()) != 0) fail("connect");
  }
  ~raw_connection() override { close(socket_); }

  std::int32_t add(std::int32_t a, std::int32_t b) override {
    request_.payload_bytes = 0;
    request_.a = a;
    request_.b = b;
    return static_cast<std::int32_t>(exchange({}));
  }

  std::int64_t send(std::span<const float> numbers) override {
    request_.payload_bytes = numbers.size_bytes();
    return exchange(numbers);
  }

 private:
  std::int64_t exchange(std::span<const float> numbers) {
    write_all(socket_, &request_, request_bytes, numbers);
    if (!read_all(socket_, &reply_, reply_bytes)) throw std::runtime_error("the server is gone");
    return reply_.value;
  }

  int socket_ = -1;
  request request_{};
  reply reply_{};
};

}  // namespace

void serve(const std::string& address, const std::function<void(const std::string&)>& ready) {
  socket_address bound(address);
  const int listener = make_socket(bound.family());
  if (bind(listener, bound.get(), bound.size()) != 0) fail("bind");
  if (listen(listener, SOMAXCONN) != 0) fail("listen");
  if (bound.family() == AF_INET) {
    sockaddr_in actual{};
    socklen_t size = sizeof actual;
    getsockname(listener, reinterpret_cast<sockaddr*>(&actual), &size);
    ready(address + ":" + std::to_string(ntohs(actual.sin_port)));
  } else {
    ready(address);
  }
  for (;;) {
    const int peer = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (peer < 0) fail("accept");
    const int on = 1;
    if (bound.family() == AF_INET) setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    std::thread(serve_connection, peer).detach();
  }
}

std::unique_ptr<connection> open_connection(const std::string& endpoint) {
  return std::make_unique<raw_connection>(endpoint);
}

}  // namespace bench
