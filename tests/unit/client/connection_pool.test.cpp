// SPDX-License-Identifier: Apache-2.0
#include <modal/client/connection_pool.hpp>

#include "support/catch.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace std::chrono_literals;
using namespace modal;
using detail::http_connection;

namespace {

constexpr time_point now{1000s};

// A connection, and the other end of it.
struct socket_pair {
  socket_pair() {
    int ends[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    ours = std::make_unique<http_connection>(detail::stream(ends[0]), bounds, buffers);
    peer = ends[1];
  }
  ~socket_pair() {
    if (peer >= 0) close(peer);
  }
  client_limits bounds;
  buffer_pool buffers;
  std::unique_ptr<http_connection> ours;
  int peer = -1;
};

}  // namespace

TEST_CASE("connection pool: gives back what was used last", "[client][connection_pool]") {
  socket_pair first;
  socket_pair second;
  auto* last = second.ours.get();
  detail::connection_pool pool(2, 60s);
  pool.give_back(std::move(first.ours), now);
  pool.give_back(std::move(second.ours), now);
  CHECK(pool.take(now, false).get() == last);
  CHECK(pool.take(now, false) != nullptr);
  CHECK(pool.take(now, false) == nullptr);
}

TEST_CASE("connection pool: drops what idled too long, was closed, or speaks unasked",
          "[client][connection_pool]") {
  socket_pair idle;
  detail::connection_pool pool(2, 60s);
  pool.give_back(std::move(idle.ours), now);
  CHECK(pool.take(now + 61s, false) == nullptr);
  socket_pair closed;
  pool.give_back(std::move(closed.ours), now);
  close(std::exchange(closed.peer, -1));
  CHECK(pool.take(now, false) == nullptr);
  socket_pair talks;
  pool.give_back(std::move(talks.ours), now);
  REQUIRE(::send(talks.peer, "x", 1, 0) == 1);
  CHECK(pool.take(now, false) == nullptr);
}

TEST_CASE("connection pool: keeps no more than its bound", "[client][connection_pool]") {
  socket_pair first;
  socket_pair second;
  detail::connection_pool pool(1, 60s);
  pool.give_back(std::move(first.ours), now);
  pool.give_back(std::move(second.ours), now);
  CHECK(pool.take(now, false) != nullptr);
  CHECK(pool.take(now, false) == nullptr);
}

TEST_CASE("connection pool: drops a watched connection when it has ended, and no other",
          "[client][connection_pool]") {
  socket_pair pair;
  const int descriptor = pair.ours->socket.native_handle();
  pair.ours->is_watched = true;
  detail::connection_pool pool(2, 60s);
  pool.give_back(std::move(pair.ours), now);
  pool.drop(descriptor);  // an event of no meaning: the peer is silent
  auto taken = pool.take(now, true);
  REQUIRE(taken != nullptr);
  pool.give_back(std::move(taken), now);
  close(std::exchange(pair.peer, -1));
  pool.drop(descriptor);
  CHECK(pool.take(now, true) == nullptr);
}

TEST_CASE("connection pool: ends the watch on what a blocking call takes",
          "[client][connection_pool]") {
  socket_pair pair;
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{};
  event.events = EPOLLIN;
  REQUIRE(::epoll_ctl(epoll, EPOLL_CTL_ADD, pair.ours->socket.native_handle(), &event) == 0);
  pair.ours->is_watched = true;
  detail::connection_pool pool(2, 60s);
  pool.set_epoll(epoll);
  pool.give_back(std::move(pair.ours), now);
  const auto taken = pool.take(now, false);
  REQUIRE(taken != nullptr);
  CHECK(!taken->is_watched);
  REQUIRE(::send(pair.peer, "x", 1, 0) == 1);
  CHECK(::epoll_wait(epoll, &event, 1, 0) == 0);
  ::close(epoll);
}
