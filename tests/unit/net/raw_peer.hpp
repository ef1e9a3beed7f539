// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/executor.hpp>

#include "unit/dispatch/fake_calls.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstdlib>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

// A client that speaks bytes, and an executor of the functions in fake_calls.hpp, for tests of what
// happens on the line. Nothing sleeps: tests wait for what the other side does.
namespace test {

struct raw_response {
  int status = 0;
  std::string head;
  std::string body;

  [[nodiscard]] std::string field(const std::string& name) const {
    const auto at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return {};
    const auto begin = at + name.size() + 4;
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }
};

class raw_peer {
 public:
  explicit raw_peer(const executor& to) : raw_peer(to.url()) {}
  explicit raw_peer(const std::string& url) {
    constexpr std::string_view unix_scheme = "http+unix://";
    if (url.starts_with(unix_scheme)) {
      fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockaddr_un where{};
      where.sun_family = AF_UNIX;
      url.copy(where.sun_path, sizeof where.sun_path - 1, unix_scheme.size());
      REQUIRE(::connect(fd_, reinterpret_cast<sockaddr*>(&where), sizeof where) == 0);
    } else {
      fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockaddr_in where{};
      where.sin_family = AF_INET;
      where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      where.sin_port = htons(static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))));
      REQUIRE(::connect(fd_, reinterpret_cast<sockaddr*>(&where), sizeof where) == 0);
    }
    const timeval longest{60, 0};  // a test that fails must not hang
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof longest);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &longest, sizeof longest);
  }
  raw_peer(raw_peer&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), input_(std::move(other.input_)) {}
  ~raw_peer() { close(); }

  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  /// Ends the connection with a reset.
  void reset() {
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }

  bool try_send(const std::string& text) {
    std::size_t sent = 0;
    while (sent < text.size()) {
      const auto n = ::send(fd_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) return false;
      sent += static_cast<std::size_t>(n);
    }
    return true;
  }
  void send(const std::string& text) { REQUIRE(try_send(text)); }

  raw_response read_response(bool has_body = true) {
    raw_response answer;
    std::size_t end = 0;
    while ((end = input_.find("\r\n\r\n")) == std::string::npos) REQUIRE(read_more());
    answer.head = input_.substr(0, end + 2);
    input_.erase(0, end + 4);
    answer.status = std::atoi(answer.head.c_str() + 9);
    const std::string length = answer.field("content-length");
    if (!has_body || length.empty()) return answer;
    const std::size_t size = std::stoul(length);
    while (input_.size() < size) REQUIRE(read_more());
    answer.body = input_.substr(0, size);
    input_.erase(0, size);
    return answer;
  }

  /// Reads a whole answer, and what is said before it, or until the other side closes. Returns the
  /// status; 0 where there was no answer.
  int read_answer_or_end() {
    for (;;) {
      std::size_t end = 0;
      while ((end = input_.find("\r\n\r\n")) == std::string::npos)
        if (!read_more()) return 0;
      if (input_.compare(9, 1, "1") != 0) break;
      input_.erase(0, end + 4);
    }
    const auto head_end = input_.find("\r\n\r\n") + 4;
    const int status = std::atoi(input_.c_str() + 9);
    const auto at = input_.find("\r\ncontent-length: ");
    const std::size_t size = at < head_end ? std::stoul(input_.substr(at + 18)) : 0;
    while (input_.size() < head_end + size)
      if (!read_more()) return 0;
    input_.erase(0, head_end + size);
    return status;
  }

  /// Reads `size` bytes; fewer where the other side closes before that.
  std::string read_exactly(std::size_t size) {
    while (input_.size() < size && read_more()) {
    }
    auto bytes = input_.substr(0, size);
    input_.erase(0, size);
    return bytes;
  }

  /// Returns how many answers without bodies are here, without waiting, and takes them.
  int count_heads() {
    char bytes[65536];
    for (ssize_t n = 0; (n = ::recv(fd_, bytes, sizeof bytes, MSG_DONTWAIT)) > 0;)
      input_.append(bytes, static_cast<std::size_t>(n));
    int count = 0;
    for (std::size_t end = 0; (end = input_.find("\r\n\r\n")) != std::string::npos; ++count)
      input_.erase(0, end + 4);
    return count;
  }

  /// Returns whether the other side has closed, with nothing more to read.
  bool is_closed() { return input_.empty() && !read_more(); }

  [[nodiscard]] int fd() const { return fd_; }

 private:
  bool read_more() {
    char bytes[65536];
    const auto n = ::recv(fd_, bytes, sizeof bytes, 0);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) FAIL("nothing came for a minute");
    if (n <= 0) return false;
    input_.append(bytes, static_cast<std::size_t>(n));
    return true;
  }

  int fd_ = -1;
  std::string input_;
};

inline std::string get_request(const std::string& target, const std::string& fields = {}) {
  return "GET " + target + " HTTP/1.1\r\nhost: a\r\n" + fields + "\r\n";
}

inline std::string post_head(const std::string& function, std::size_t size,
                             const std::string& fields = {}) {
  return "POST " + call_path(function) +
         " HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n" + fields +
         "content-length: " + std::to_string(size) + "\r\n\r\n";
}

inline std::string json_call(const std::string& function, const std::string& body,
                             const std::string& fields = {}) {
  return post_head(function, body.size(), fields) + body;
}

/// Returns a payload of `size` bytes with an envelope and no segments.
inline std::string binary_body(std::size_t size, char filled) {
  std::string body(size, filled);
  const std::uint64_t envelope = size - payload_head_bytes;
  std::memset(body.data(), 0, payload_head_bytes);
  std::memcpy(body.data(), &payload_magic, sizeof payload_magic);
  std::memcpy(body.data() + 8, &envelope, sizeof envelope);
  return body;
}

inline executor_config net_config(modal::limits bounds = {}) {
  static const catalog functions = some_functions();
  the_gate().reset();
  return {.port = 0,
          .threads = 2,
          .limits = bounds,
          .grace = 10s,
          .stop_patience = 10s,
          .log = [](const log_record&) {},
          .functions = &functions};
}

/// An executor that listens, and lets waiting functions go when the test ends.
struct live_executor {
  explicit live_executor(executor_config config = net_config()) : self(std::move(config)) {
    self.start();
  }
  ~live_executor() { the_gate().open(); }

  /// Waits until `condition` holds for the statistics.
  template <class Condition>
  bool reaches(Condition condition, std::chrono::nanoseconds within = 60s) {
    const auto until = std::chrono::steady_clock::now() + within;
    while (!condition(self.stats())) {
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::yield();
    }
    return true;
  }

  executor self;
};

}  // namespace test
