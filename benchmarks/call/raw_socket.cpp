// SPDX-License-Identifier: Apache-2.0
//
// The floor: blocking sockets, one thread a connection, no encoding at all. An add sends and
// receives as many bytes as modal's HTTP messages for it; a send is one gather write, read into a
// buffer that is kept from call to call. Built twice:
//
//     bench_call_raw      each end sleeps until bytes come
//     bench_call_polling  BENCH_POLL=1: it looks for 20 us before that, and yields in between

#include "raw.hpp"
#include "stack.hpp"

#include <array>
#include <chrono>
#include <sched.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/uio.h>
#include <thread>
#include <unistd.h>
#include <vector>

#ifndef BENCH_POLL
#define BENCH_POLL 0
#endif

namespace bench {
namespace {

/// As recv(2).
ssize_t receive(int from, void* to, std::size_t size) {
  constexpr std::chrono::microseconds longest{20};
  if (BENCH_POLL != 0) {
    const auto begun = std::chrono::steady_clock::now();
    do {
      const ssize_t got = recv(from, to, size, MSG_DONTWAIT);
      if (got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) return got;
      sched_yield();
    } while (std::chrono::steady_clock::now() - begun < longest);
  }
  return recv(from, to, size, 0);
}

/// Returns false at the end of the stream.
bool read_all(int from, void* to, std::size_t size) {
  auto* place = static_cast<char*>(to);
  while (size != 0) {
    const ssize_t got = receive(from, place, size);
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
    write_all(peer, &answer, reply_bytes,
              asked.is_echo != 0 ? std::span<const float>(numbers) : std::span<const float>());
  }
  close(peer);
}

class raw_connection final : public connection {
 public:
  explicit raw_connection(const std::string& endpoint) { socket_ = connect_to(endpoint); }
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

  std::int64_t echo(std::span<const float> numbers) override {
    back_.resize(numbers.size());
    request_.is_echo = 1;
    send(numbers);
    request_.is_echo = 0;
    if (!read_all(socket_, back_.data(), numbers.size_bytes()))
      throw std::runtime_error("the server is gone");
    return digest(back_);
  }

  void greet() override { add(1, 2); }

 private:
  std::int64_t exchange(std::span<const float> numbers) {
    write_all(socket_, &request_, request_bytes, numbers);
    if (!read_all(socket_, &reply_, reply_bytes)) throw std::runtime_error("the server is gone");
    return reply_.value;
  }

  int socket_ = -1;
  request request_{};
  reply reply_{};
  std::vector<float> back_;
};

}  // namespace

void serve(const std::string& address, const std::function<void(const std::string&)>& ready) {
  const int listener = listen_at(address, ready);
  for (;;) {
    const int peer = accept_from(listener);
    std::thread(serve_connection, peer).detach();
  }
}

std::unique_ptr<connection> open_connection(const std::string& endpoint) {
  return std::make_unique<raw_connection>(endpoint);
}

std::unique_ptr<flight> open_flight(const std::string&, const std::string&) {
  throw std::runtime_error("blocking sockets: one call at a time on a connection");
}

}  // namespace bench
