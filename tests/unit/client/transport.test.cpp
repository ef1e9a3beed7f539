// SPDX-License-Identifier: Apache-2.0
#include <modal/client/transport.hpp>

#include "support/catch.hpp"

#include <sys/socket.h>
#include <unistd.h>

using namespace std::chrono_literals;
using namespace modal;
using detail::blocking_connection;

namespace {

constexpr time_point now{1000s};

// A connection, and the other end of it.
struct socket_pair {
  socket_pair() {
    int ends[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    ours = std::make_unique<blocking_connection>(ends[0]);
    peer = ends[1];
  }
  ~socket_pair() {
    if (peer >= 0) close(peer);
  }
  std::unique_ptr<blocking_connection> ours;
  int peer = -1;
};

}  // namespace

TEST_CASE("connection pool: gives back what was used last", "[client][transport]") {
  socket_pair first;
  socket_pair second;
  auto* last = second.ours.get();
  detail::connection_pool pool(2, 60s);
  pool.give_back(std::move(first.ours), now);
  pool.give_back(std::move(second.ours), now);
  CHECK(pool.take(now).get() == last);
  CHECK(pool.take(now) != nullptr);
  CHECK(pool.take(now) == nullptr);
}

TEST_CASE("connection pool: drops what idled too long or was closed", "[client][transport]") {
  socket_pair idle;
  detail::connection_pool pool(2, 60s);
  pool.give_back(std::move(idle.ours), now);
  CHECK(pool.take(now + 61s) == nullptr);
  socket_pair closed;
  pool.give_back(std::move(closed.ours), now);
  close(std::exchange(closed.peer, -1));
  CHECK(pool.take(now + 2s) == nullptr);
}

TEST_CASE("connection pool: keeps no more than its bound", "[client][transport]") {
  socket_pair first;
  socket_pair second;
  detail::connection_pool pool(1, 60s);
  pool.give_back(std::move(first.ours), now);
  pool.give_back(std::move(second.ours), now);
  CHECK(pool.take(now) != nullptr);
  CHECK(pool.take(now) == nullptr);
}

TEST_CASE("connection: to nobody fails as connect_failed", "[client][transport]") {
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  const auto refused = blocking_connection::open(parse_url("http://127.0.0.1:1").value(), deadline);
  REQUIRE(!refused);
  CHECK(refused.error() == errc::connect_failed);
  CHECK(!blocking_connection::open(parse_url("http+unix:///nowhere.sock").value(), deadline));
}
