// SPDX-License-Identifier: Apache-2.0
#include <modal/net/stream.hpp>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

namespace modal::detail {
namespace {

io_result blocked_or_failed() noexcept {
  if (errno == EAGAIN || errno == EWOULDBLOCK) return {.what = io_result::kind::would_block};
  return {.what = io_result::kind::failed, .code = errno};
}

}  // namespace

void stream::close() noexcept {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

io_result stream::try_read(std::span<const mutable_bytes_view> rooms) noexcept {
  constexpr std::size_t most_rooms = 4;
  iovec pieces[most_rooms];
  const std::size_t count = std::min(rooms.size(), most_rooms);
  for (std::size_t i = 0; i < count; ++i) pieces[i] = {rooms[i].data(), rooms[i].size()};
  msghdr message{};
  message.msg_iov = pieces;
  message.msg_iovlen = count;
  for (;;) {
    const auto got = ::recvmsg(descriptor_, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    // A Unix socket stops behind descriptors that somebody passes along; they are dropped.
    if (got > 0)
      return {.size = static_cast<std::size_t>(got),
              .is_cut = (message.msg_flags & MSG_CTRUNC) != 0};
    if (got == 0) return {.what = io_result::kind::closed};
    if (errno != EINTR) return blocked_or_failed();
  }
}

io_result stream::try_write(std::span<const bytes_view> parts) noexcept {
  constexpr std::size_t most_parts = 64;
  iovec pieces[most_parts];
  const std::size_t count = std::min(parts.size(), most_parts);
  for (std::size_t i = 0; i < count; ++i)
    pieces[i] = {const_cast<std::byte*>(parts[i].data()), parts[i].size()};  // is only read
  msghdr message{};
  message.msg_iov = pieces;
  message.msg_iovlen = count;
  for (;;) {
    const auto sent = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) return {.size = static_cast<std::size_t>(sent)};
    if (errno != EINTR) return blocked_or_failed();
  }
}

bool stream::is_quiet() const noexcept {
  char byte;
  const auto got = ::recv(descriptor_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

bool wait_for(int descriptor, readiness what, time_point until) noexcept {
  pollfd waiting{descriptor, 0, 0};
  if (includes(what, readiness::read)) waiting.events |= POLLIN;
  if (includes(what, readiness::write)) waiting.events |= POLLOUT;
  for (;;) {
    timespec left{};
    if (until != never) {
      const auto rest =
          std::max<std::int64_t>((until - std::chrono::steady_clock::now()).count(), 0);
      left = {static_cast<std::time_t>(rest / 1'000'000'000), rest % 1'000'000'000};
    }
    const int ready = ::ppoll(&waiting, 1, until == never ? nullptr : &left, nullptr);
    if (ready >= 0) return ready > 0;
    if (errno != EINTR) return true;  // trying says what is wrong
  }
}

int wait_for_events(int epoll, epoll_event* found, int most, int timeout) noexcept {
  constexpr int yields = 2;
  if (timeout != 0) {
    for (int i = 0; i < yields; ++i) {
      const int count = ::epoll_wait(epoll, found, most, 0);
      if (count != 0) return count;
      ::sched_yield();
    }
  }
  return ::epoll_wait(epoll, found, most, timeout);
}

void consume(std::span<bytes_view>& parts, std::size_t size) noexcept {
  while (!parts.empty() && size >= parts.front().size()) {
    size -= parts.front().size();
    parts = parts.subspan(1);
  }
  if (size > 0) parts.front() = parts.front().subspan(size);
}

}  // namespace modal::detail
