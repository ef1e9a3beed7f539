// SPDX-License-Identifier: Apache-2.0
//
// The floor of many calls at once: one thread with epoll at each end, a connection for each call
// under way, no encoding. As many bytes as modal's HTTP messages.

#include "raw.hpp"
#include "stack.hpp"

#include <chrono>
#include <fcntl.h>
#include <memory>
#include <stdexcept>
#include <sys/epoll.h>
#include <unistd.h>
#include <vector>

namespace bench {
namespace {

using clock = std::chrono::steady_clock;

/// Messages of one size that come, and answers that go, on one connection.
template <class Message, std::size_t Size>
struct incoming {
  int socket = -1;
  std::size_t filled = 0;
  Message message{};
  clock::time_point begun{};
  std::int32_t index = 0;

  /// Returns whether the message is whole. Throws at the end of the stream.
  bool read() {
    const ssize_t got =
        recv(socket, reinterpret_cast<char*>(&message) + filled, Size - filled, MSG_DONTWAIT);
    if (got == 0) throw std::runtime_error("the peer is gone");
    if (got < 0 && errno != EAGAIN && errno != EINTR) fail("recv");
    if (got > 0) filled += static_cast<std::size_t>(got);
    if (filled < Size) return false;
    filled = 0;
    return true;
  }
};

// Messages are so short that they always fit: one call is under way on a connection.
template <class Message>
void write_whole(int to, const Message& message, std::size_t size) {
  if (send(to, &message, size, MSG_NOSIGNAL) != static_cast<ssize_t>(size)) fail("send");
}

void watch(int poller, int socket, void* what) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = what;
  if (epoll_ctl(poller, EPOLL_CTL_ADD, socket, &event) != 0) fail("epoll_ctl");
}

class epoll_flight final : public flight {
 public:
  explicit epoll_flight(const std::string& endpoint)
      : endpoint_(endpoint), poller_(epoll_create1(EPOLL_CLOEXEC)) {}

  void run(std::size_t calls, std::size_t in_flight,
           std::vector<std::chrono::nanoseconds>& times) override {
    while (lines_.size() < in_flight) {
      lines_.push_back(std::make_unique<line>());
      lines_.back()->socket = connect_to(endpoint_);
      watch(poller_, lines_.back()->socket, lines_.back().get());
    }
    std::size_t started = 0;
    std::size_t done = 0;
    for (const auto& each : lines_)
      if (started < calls) start(*each, started++);
    std::vector<epoll_event> events(in_flight);
    while (done < calls) {
      const int ready = epoll_wait(poller_, events.data(), static_cast<int>(events.size()), -1);
      if (ready < 0 && errno != EINTR) fail("epoll_wait");
      for (int i = 0; i < ready; ++i) {
        line& each = *static_cast<line*>(events[static_cast<std::size_t>(i)].data.ptr);
        if (!each.read()) continue;
        if (each.message.value != each.index + 2)
          throw std::runtime_error("the server gave a wrong answer");
        times.push_back(clock::now() - each.begun);
        ++done;
        if (started < calls) start(each, started++);
      }
    }
  }

 private:
  using line = incoming<reply, reply_bytes>;

  static void start(line& each, std::size_t index) {
    request asked{};
    each.index = asked.a = static_cast<std::int32_t>(index);
    asked.b = 2;
    each.begun = clock::now();
    write_whole(each.socket, asked, request_bytes);
  }

  std::string endpoint_;
  int poller_;
  std::vector<std::unique_ptr<line>> lines_;
};

}  // namespace

void serve(const std::string& address, const std::function<void(const std::string&)>& ready) {
  using line = incoming<request, request_bytes>;
  const int listener = listen_at(address, ready);
  const int poller = epoll_create1(EPOLL_CLOEXEC);
  watch(poller, listener, nullptr);
  std::vector<epoll_event> events(256);
  for (;;) {
    const int count = epoll_wait(poller, events.data(), static_cast<int>(events.size()), -1);
    if (count < 0 && errno != EINTR) fail("epoll_wait");
    for (int i = 0; i < count; ++i) {
      auto* const from = static_cast<line*>(events[static_cast<std::size_t>(i)].data.ptr);
      if (from == nullptr) {
        const int peer = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        if (peer < 0) fail("accept");
        send_at_once(peer);
        auto* const made = new line{};  // lives as long as the process
        made->socket = peer;
        watch(poller, peer, made);
        continue;
      }
      try {
        if (!from->read()) continue;
      } catch (const std::runtime_error&) {
        close(from->socket);
        delete from;
        continue;
      }
      reply answer{};
      answer.value = std::int64_t{from->message.a} + from->message.b;
      write_whole(from->socket, answer, reply_bytes);
    }
  }
}

std::unique_ptr<connection> open_connection(const std::string&) {
  throw std::runtime_error("epoll: only for many calls at once");
}

std::unique_ptr<flight> open_flight(const std::string&, const std::string& endpoint) {
  return std::make_unique<epoll_flight>(endpoint);
}

}  // namespace bench
