// SPDX-License-Identifier: Apache-2.0
#include <modal/client/transport.hpp>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace modal::detail {
namespace {

std::string system_text(int code) {
  return std::error_code(code, std::system_category()).message();
}

error connect_error(const endpoint& where, std::string_view why) {
  const std::string& target = where.unix_path.empty() ? where.authority : where.unix_path;
  return {errc::connect_failed, "cannot connect to " + target + ": " + std::string(why)};
}

time_point clock_now() noexcept { return std::chrono::steady_clock::now(); }

std::chrono::milliseconds time_left(time_point deadline) {
  using std::chrono::milliseconds;
  return std::max(std::chrono::ceil<milliseconds>(deadline - clock_now()), milliseconds{0});
}

void set_timeout(int socket, int option, std::chrono::milliseconds value) noexcept {
  timeval time{};
  time.tv_sec = value.count() / 1000;
  time.tv_usec = value.count() % 1000 * 1000;
  if (value.count() <= 0) time.tv_usec = 1000;  // zero would mean for ever
  setsockopt(socket, SOL_SOCKET, option, &time, sizeof time);
}

// Connects `socket` within the time that is left. Returns an errno, or 0.
int connect_within(int socket, const sockaddr* address, socklen_t size, time_point deadline) {
  if (connect(socket, address, size) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  pollfd waiting{socket, POLLOUT, 0};
  const auto left = std::min<std::int64_t>(time_left(deadline).count(), INT_MAX);
  const int ready = poll(&waiting, 1, static_cast<int>(left));
  if (ready == 0) return ETIMEDOUT;
  if (ready < 0) return errno;
  int failure = 0;
  socklen_t length = sizeof failure;
  getsockopt(socket, SOL_SOCKET, SO_ERROR, &failure, &length);
  return failure;
}

void make_blocking(int socket) noexcept {
  int off = 0;
  ioctl(socket, FIONBIO, &off);
}

}  // namespace

blocking_connection::~blocking_connection() {
  if (socket_ >= 0) close(socket_);
}

result<blocking_connection> blocking_connection::open(const endpoint& where, time_point deadline) {
  constexpr int type = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
  if (!where.unix_path.empty()) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, where.unix_path.c_str(), where.unix_path.size() + 1);
    blocking_connection made(socket(AF_UNIX, type, 0));
    if (made.socket_ < 0) return connect_error(where, system_text(errno));
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    if (const int failure = connect_within(made.socket_, generic, sizeof address, deadline))
      return connect_error(where, system_text(failure));
    make_blocking(made.socket_);
    return made;
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  if (const int failure = getaddrinfo(where.host.c_str(), where.port.c_str(), &hints, &found))
    return connect_error(where, gai_strerror(failure));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, &freeaddrinfo);
  int failure = 0;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    blocking_connection made(socket(each->ai_family, type, each->ai_protocol));
    if (made.socket_ < 0) {
      failure = errno;
      continue;
    }
    failure = connect_within(made.socket_, each->ai_addr, each->ai_addrlen, deadline);
    if (failure != 0) continue;
    const int on = 1;
    setsockopt(made.socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    make_blocking(made.socket_);
    return made;
  }
  return connect_error(where, system_text(failure));
}

bool blocking_connection::is_stale() const noexcept {
  char byte;
  const auto got = recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

result<void> blocking_connection::send(std::vector<bytes_view>& parts, time_point deadline,
                                       const limits& bounds) {
  std::size_t total = 0;
  for (const auto part : parts) total += part.size();
  // What fits into any socket buffer never blocks, and needs no system call for a timeout.
  if (total > 16 << 10)
    set_timeout(socket_, SO_SNDTIMEO, std::min(bounds.transfer_timeout, time_left(deadline)));
  std::size_t first = 0;
  while (first < parts.size()) {
    iovec pieces[64];
    std::size_t count = 0;
    for (; count < 64 && first + count < parts.size(); ++count) {
      const auto part = parts[first + count];
      pieces[count] = {const_cast<std::byte*>(part.data()), part.size()};
    }
    msghdr message{};
    message.msg_iov = pieces;
    message.msg_iovlen = count;
    const auto sent = sendmsg(socket_, &message, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN && clock_now() >= deadline) return error(errc::deadline_exceeded);
      return error(errc::connection_lost, "while sending: " + system_text(errno));
    }
    auto rest = static_cast<std::size_t>(sent);
    while (first < parts.size() && rest >= parts[first].size()) rest -= parts[first++].size();
    if (rest > 0) parts[first] = parts[first].subspan(rest);
  }
  return {};
}

void blocking_connection::limit_receive(time_point now, time_point deadline) noexcept {
  using std::chrono::milliseconds;
  const auto left = std::max(std::chrono::ceil<milliseconds>(deadline - now), milliseconds{1});
  // A little too long is corrected by the next look at the clock; the usual case is no change.
  if (receive_timeout_.count() > 0 && left <= receive_timeout_ && left > receive_timeout_ * 15 / 16)
    return;
  set_timeout(socket_, SO_RCVTIMEO, left);
  receive_timeout_ = left;
}

result<http_exchange::progress> blocking_connection::receive(http_exchange& exchange,
                                                             time_point deadline) {
  for (;;) {
    const auto room = exchange.prepare();
    const auto got = recv(socket_, room.data(), room.size(), 0);
    if (got >= 0) return exchange.commit(static_cast<std::size_t>(got));
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK)
      return error(errc::connection_lost, "while receiving: " + system_text(errno));
    const auto now = clock_now();
    if (now >= deadline) return error(errc::deadline_exceeded);
    limit_receive(now, deadline);
  }
}

result<void> blocking_connection::run(http_exchange& exchange, http_exchange::consent wanted,
                                      time_point deadline, const limits& bounds, bool& sent) {
  using progress = http_exchange::progress;
  auto parts = exchange.parts();
  result<progress> got = progress::more;
  if (wanted == http_exchange::consent::expect) {
    std::vector<bytes_view> head{parts.front()};
    parts.erase(parts.begin());
    if (auto done = send(head, deadline, bounds); !done) return done.error();
    // A peer that knows nothing of consent stays silent: send after a second (RFC 9110 10.1.1).
    const auto patience = std::min(deadline, saturating_add(clock_now(), std::chrono::seconds{1}));
    limit_receive(clock_now(), patience);
    do {
      got = receive(exchange, patience);
    } while (got && *got == progress::more);
    if (!got && (got.error() != errc::deadline_exceeded || clock_now() >= deadline))
      return got.error();
    if (got && *got == progress::done) return {};
  }
  const auto written = send(parts, deadline, bounds);
  sent = written.has_value();
  if (!written && written.error() == errc::deadline_exceeded) return written.error();
  limit_receive(clock_now(), deadline);
  do {
    got = receive(exchange, deadline);
  } while (got && *got != progress::done);
  // An executor that refuses stops reading; what it had to say counts more than the broken pipe.
  if (!got) return !written && !exchange.has_begun() ? written.error() : got.error();
  return {};
}

std::unique_ptr<blocking_connection> connection_pool::take(time_point now) {
  constexpr auto worth_a_look = std::chrono::seconds{1};
  for (;;) {
    std::unique_ptr<blocking_connection> found;
    {
      const std::scoped_lock lock(mutex_);
      if (idle_.empty()) return nullptr;
      found = std::move(idle_.back());
      idle_.pop_back();
    }
    const auto idle = now - found->idle_since;
    if (idle > idle_timeout_ || (idle > worth_a_look && found->is_stale())) continue;
    return found;
  }
}

void connection_pool::give_back(std::unique_ptr<blocking_connection> used, time_point now) {
  used->idle_since = now;
  const std::scoped_lock lock(mutex_);
  if (idle_.size() < most_) idle_.push_back(std::move(used));
}

http_transport::http_transport(endpoint where, const client_config& config)
    : transport(config),
      where_(std::move(where)),
      connections_(config.idle_connections, config.idle_timeout) {}
http_transport::~http_transport() { stop_driver(); }

attempt_result http_transport::attempt(const attempt_request& request) {
  // A thread that calls again and again reuses the buffers of its last exchange.
  thread_local std::string path;
  thread_local std::string path_of;
  if (path_of != request.head.function) {
    path = call_path(request.head.function);
    path_of = request.head.function;
  }
  http_exchange exchange(config_.limits, pool_);
  const auto wanted = request.arguments->wire_size() >= consent_threshold
                          ? http_exchange::consent::expect
                          : http_exchange::consent::none;
  exchange.start(where_.authority, path, request.head, *request.arguments, wanted);

  auto connection = connections_.take(clock_now());
  if (!connection) {
    const auto patience =
        std::min(request.deadline, saturating_add(clock_now(), config_.connect_timeout));
    auto opened = blocking_connection::open(where_, patience);
    if (!opened) {
      if (clock_now() >= request.deadline) return {.body = error(errc::deadline_exceeded)};
      return {.body = opened.error()};
    }
    connection = std::make_unique<blocking_connection>(std::move(*opened));
  }
  bool sent = false;
  const auto done = connection->run(exchange, wanted, request.deadline, config_.limits, sent);
  const auto progress = sent ? attempt_progress::sent : attempt_progress::not_sent;
  if (!done) return {.body = done.error(), .progress = progress};
  if (exchange.keeps_alive() && (sent || wanted == http_exchange::consent::none))
    connections_.give_back(std::move(connection), clock_now());
  return {.body = exchange.take_answer(request.own_signature),
          .report = exchange.report(),
          .progress = progress};
}

std::unique_ptr<async_driver> http_transport::make_driver() {
  return make_http_driver(where_, config_, pool_);
}

}  // namespace modal::detail
