// SPDX-License-Identifier: Apache-2.0
#include <modal/net/stream.hpp>

#include "support/catch.hpp"

#include <array>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace modal;
using namespace modal::detail;
using kind = io_result::kind;

namespace {

struct stream_pair {
  stream_pair() {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    near = stream(ends[0]);
    far = stream(ends[1]);
  }
  stream near;
  stream far;
};

bytes_view bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

}  // namespace

TEST_CASE("stream: tells bytes, nothing, an end and a failure apart", "[net][stream]") {
  stream_pair pair;
  std::array<std::byte, 8> room{};
  CHECK(pair.near.is_quiet());
  CHECK(pair.near.try_read(room).what == kind::would_block);
  const std::array parts{bytes("ab"), bytes("c")};
  CHECK(pair.far.try_write(parts).size == 3);
  CHECK(!pair.near.is_quiet());
  CHECK(pair.near.try_read(room).size == 3);
  pair.far.close();
  CHECK(!pair.far.is_open());
  CHECK(!pair.near.is_quiet());
  CHECK(pair.near.try_read(room).what == kind::closed);
  CHECK(pair.near.try_write(parts).what == kind::failed);
}

TEST_CASE("stream: writes what fits and waits for the rest", "[net][stream]") {
  stream_pair pair;
  const std::vector<std::byte> large(1 << 22);
  const std::array parts{bytes_view(large)};
  const auto first = pair.near.try_write(parts);
  CHECK(first.size < large.size());
  CHECK(pair.near.try_write(parts).what == kind::would_block);
  const auto now = std::chrono::steady_clock::now();
  CHECK(!wait_for(pair.near.native_handle(), readiness::write, now));
  CHECK(wait_for(pair.far.native_handle(), readiness::read, never));
  std::vector<std::byte> room(1 << 22);
  while (pair.far.try_read(room).what == kind::some) {
  }
  CHECK(wait_for(pair.near.native_handle(), readiness::both, never));
}

TEST_CASE("consume: removes whole parts and pieces of them", "[net][stream]") {
  std::array parts{bytes("abc"), bytes("de"), bytes("f")};
  std::span<bytes_view> left(parts);
  consume(left, 0);
  CHECK(left.size() == 3);
  consume(left, 4);
  REQUIRE(left.size() == 2);
  CHECK(left.front().size() == 1);
  consume(left, 2);
  CHECK(left.empty());
}

TEST_CASE("wait for events: tells what is there, at once or when it comes", "[net][stream]") {
  const stream epoll(::epoll_create1(EPOLL_CLOEXEC));
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
  const stream here(ends[0]);
  const stream there(ends[1]);
  epoll_event wanted{};
  wanted.events = EPOLLIN | EPOLLET;
  wanted.data.u64 = 7;
  REQUIRE(::epoll_ctl(epoll.native_handle(), EPOLL_CTL_ADD, ends[0], &wanted) == 0);
  epoll_event found[2];
  const auto wait = [&](int timeout) {
    return wait_for_events(epoll.native_handle(), found, 2, timeout);
  };
  CHECK(wait(0) == 0);
  CHECK(wait(1) == 0);
  REQUIRE(::write(ends[1], "x", 1) == 1);
  CHECK(wait(-1) == 1);
  CHECK(found[0].data.u64 == 7);
  CHECK(wait(0) == 0);  // told once
  std::thread late([&] { (void)!::write(ends[1], "x", 1); });
  CHECK(wait(-1) == 1);
  late.join();
}
