// SPDX-License-Identifier: Apache-2.0
#include "net/open_connection.hpp"

#include <cstddef>
#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <utility>

namespace modal::detail {
namespace {

std::int64_t to_count(time_point at) noexcept { return at.time_since_epoch().count(); }
time_point from_count(std::int64_t count) noexcept {
  return time_point(time_point::duration(count));
}

}  // namespace

// Who connects from an address of its own host, or of the loopback, may be on this host: then the
// name that it is told exists there.
peer_origin server_state::origin_of(const stream& peer) const noexcept {
  peer_origin origin;
  sockaddr_storage own{};
  sockaddr_storage other{};
  socklen_t own_size = sizeof own;
  socklen_t other_size = sizeof other;
  const int descriptor = peer.native_handle();
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&own), &own_size) != 0) return origin;
  if (own.ss_family == AF_UNIX) {
    ucred who{};
    socklen_t size = sizeof who;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0) origin.user = who.uid;
    const auto& name = reinterpret_cast<const sockaddr_un&>(own);
    const std::size_t length = own_size - offsetof(sockaddr_un, sun_path);
    if (!local_name.empty() && length == local_name.size() + 1 && name.sun_path[0] == '\0' &&
        std::memcmp(name.sun_path + 1, local_name.data(), local_name.size()) == 0)
      origin.local_token = local_token;
    return origin;
  }
  if (local_name.empty()) return origin;
  if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&other), &other_size) != 0 ||
      other.ss_family != own.ss_family)
    return origin;
  bool is_same = false;
  if (own.ss_family == AF_INET)
    is_same = reinterpret_cast<const sockaddr_in&>(own).sin_addr.s_addr ==
              reinterpret_cast<const sockaddr_in&>(other).sin_addr.s_addr;
  else if (own.ss_family == AF_INET6)
    is_same =
        std::memcmp(&reinterpret_cast<const sockaddr_in6&>(own).sin6_addr,
                    &reinterpret_cast<const sockaddr_in6&>(other).sin6_addr, sizeof(in6_addr)) == 0;
  if (is_same) {
    origin.local_name = local_name;
    origin.local_token = local_token;
  }
  return origin;
}

open_connection::open_connection(stream peer, std::shared_ptr<server_state> shared)
    : shared_(std::move(shared)), socket_(std::move(peer)) {
  const mutex_lock lock(shared_->mutex);
  ++shared_->alive;
}

open_connection::~open_connection() {
  shared_->loop->schedule(*this, never);
  leave();
  const mutex_lock lock(shared_->mutex);
  if (--shared_->alive == 0) shared_->all_gone.notify_all();
}

void open_connection::on_events(events what) noexcept {
  now_ = std::chrono::steady_clock::now();
  const auto give_up = [this](const char* why) noexcept {
    shared_->log.say(log_level::error, "a connection ends: ", why);
    break_off();
  };
  try {
    take_events(what);
  } catch (const std::exception& thrown) {
    give_up(thrown.what());
  } catch (...) {
    give_up("something that is no std::exception was thrown");
  }
}

void open_connection::enter() {
  {
    const mutex_lock lock(shared_->mutex);
    shared_->open.insert(this);
    shared_->count->store(shared_->open.size(), std::memory_order_relaxed);
  }
  shared_->loop->watch(socket_.native_handle(), *this);
}

void open_connection::leave() noexcept {
  const mutex_lock lock(shared_->mutex);
  shared_->open.erase(this);
  shared_->count->store(shared_->open.size(), std::memory_order_relaxed);
  if (shared_->open.empty()) shared_->all_gone.notify_all();
}

bool open_connection::shut_socket() noexcept {
  if (std::exchange(is_closed_, true)) return false;
  set_idle(std::nullopt);
  shared_->loop->schedule(*this, never);
  shared_->loop->unwatch(socket_.native_handle(), *this);
  socket_.close();
  return true;
}

stream open_connection::take_socket() noexcept {
  is_closed_ = true;
  set_idle(std::nullopt);
  shared_->loop->schedule(*this, never);
  shared_->loop->unwatch(socket_.native_handle(), *this);
  return std::move(socket_);
}

std::optional<time_point> open_connection::idle_since() const noexcept {
  const auto since = idle_since_.load(std::memory_order_relaxed);
  if (since == not_idle) return std::nullopt;
  return from_count(since);
}

void open_connection::set_idle(std::optional<time_point> since) noexcept {
  idle_since_.store(since ? to_count(*since) : not_idle, std::memory_order_relaxed);
}

// No longer idle at once, so that whoever looks next finds another.
bool open_connection::close_if_idle(time_point since) noexcept {
  auto expected = to_count(since);
  if (!idle_since_.compare_exchange_strong(expected, not_idle)) return false;
  yields_since_.store(to_count(since));
  shared_->loop->raise(*this, yields);
  return true;
}

bool open_connection::is_to_yield(time_point since) const noexcept {
  return to_count(since) == yields_since_.load();
}

// The timer is set anew only to be earlier: when it fires too early, it looks again. So a request
// that comes in one piece never touches it.
void open_connection::arm(time_point when) {
  if (when >= timer_at_) return;
  timer_at_ = when;
  shared_->loop->schedule(*this, when);
}

}  // namespace modal::detail
