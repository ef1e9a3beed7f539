// SPDX-License-Identifier: Apache-2.0
//
// The floor of many calls on one connection: one thread at each end, no encoding. Whatever has come
// is answered, or collected and replaced by new calls, with one write. As many bytes as modal's
// frames.

#include "raw.hpp"
#include "stack.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <sys/epoll.h>
#include <unistd.h>
#include <vector>

namespace bench {
namespace {

using clock = std::chrono::steady_clock;

/// A call, and its answer: what stands in them is the same.
struct frame {
  std::int32_t index;
  std::int32_t a, b;
  std::array<char, 84> filler;
};
static_assert(sizeof(frame) == 96);

constexpr std::size_t most_frames = 1024;

/// One end of the connection, which waits for it in epoll.
class end {
 public:
  explicit end(int socket) : socket_(socket), poller_(epoll_create1(EPOLL_CLOEXEC)) {
    epoll_event event{};
    event.events = EPOLLIN;
    if (poller_ < 0 || epoll_ctl(poller_, EPOLL_CTL_ADD, socket_, &event) != 0) fail("epoll");
  }
  ~end() {
    close(poller_);
    close(socket_);
  }
  end(const end&) = delete;
  end& operator=(const end&) = delete;

  /// Returns the frames that have come; none at the end of the stream.
  std::span<frame> read() {
    std::memmove(room_.data(), room_.data() + taken_, filled_ - taken_);
    filled_ -= taken_;
    for (;;) {
      epoll_event found{};
      if (epoll_wait(poller_, &found, 1, -1) < 0 && errno != EINTR) fail("epoll_wait");
      const ssize_t got =
          recv(socket_, room_.data() + filled_, room_.size() - filled_, MSG_DONTWAIT);
      if (got == 0) return {};
      if (got < 0 && errno != EAGAIN && errno != EINTR) fail("recv");
      if (got > 0) filled_ += static_cast<std::size_t>(got);
      const std::size_t count = filled_ / sizeof(frame);
      if (count == 0) continue;
      taken_ = count * sizeof(frame);
      frames_.resize(count);
      std::memcpy(frames_.data(), room_.data(), taken_);
      return frames_;
    }
  }

  void write(std::span<const frame> frames) {
    const auto* from = reinterpret_cast<const char*>(frames.data());
    for (std::size_t left = frames.size_bytes(); left != 0;) {
      const ssize_t sent = send(socket_, from, left, MSG_NOSIGNAL);
      if (sent < 0 && errno != EINTR) fail("send");
      if (sent < 0) continue;
      from += sent;
      left -= static_cast<std::size_t>(sent);
    }
  }

 private:
  const int socket_;
  const int poller_;
  std::vector<char> room_ = std::vector<char>(most_frames * sizeof(frame));
  std::size_t filled_ = 0;
  std::size_t taken_ = 0;
  std::vector<frame> frames_;
};

class pipelined_flight final : public flight {
 public:
  explicit pipelined_flight(const std::string& endpoint) : end_(connect_to(endpoint)) {}

  void run(std::size_t calls, std::size_t in_flight,
           std::vector<std::chrono::nanoseconds>& times) override {
    std::vector<clock::time_point> begun(calls);
    std::vector<frame> next;
    std::size_t started = 0;
    const auto start = [&](std::size_t most) {
      next.clear();
      for (; next.size() < most && started < calls; ++started) {
        begun[started] = clock::now();
        next.push_back(
            {static_cast<std::int32_t>(started), static_cast<std::int32_t>(started), 2, {}});
      }
      end_.write(next);
    };
    start(in_flight);
    for (std::size_t ended = 0; ended < calls;) {
      const auto come = end_.read();
      if (come.empty()) throw std::runtime_error("the server is gone");
      for (const frame& each : come) {
        if (each.a != each.index + 2) throw std::runtime_error("the server gave a wrong answer");
        times.push_back(clock::now() - begun[static_cast<std::size_t>(each.index)]);
      }
      ended += come.size();
      start(come.size());
    }
  }

 private:
  end end_;
};

}  // namespace

void serve(const std::string& address, const std::function<void(const std::string&)>& ready) {
  const int listener = listen_at(address, ready);
  for (;;) {
    const int peer = accept_from(listener);
    end its(peer);
    for (auto come = its.read(); !come.empty(); come = its.read()) {
      for (frame& each : come) each.a += each.b;
      its.write(come);
    }
  }
}

std::unique_ptr<connection> open_connection(const std::string&) {
  throw std::runtime_error("one connection for many calls: none for a thread alone");
}

std::unique_ptr<flight> open_flight(const std::string&, const std::string& endpoint) {
  return std::make_unique<pipelined_flight>(endpoint);
}

}  // namespace bench
