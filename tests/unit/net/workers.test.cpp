// SPDX-License-Identifier: Apache-2.0
// Whoever is held up, by a user's log sink or by a large body, holds up nobody else.
#include "held_log.hpp"
#include "raw_peer.hpp"

#include <cstring>
#include <memory>
#include <poll.h>
#include <unistd.h>

using namespace test;

// The worker that answers would come for the next call at once; but it is in the user's log sink.
TEST_CASE("workers: a log sink that blocks delays no call that was sent ahead", "[net][workers]") {
  held_call_log log;
  auto config = net_config();  // two workers: one is free all the time
  config.log_calls = true;
  config.log = log.sink();
  live_executor server(config);
  raw_peer peer(server.self);
  peer.send(json_call("test::echo", "1") + json_call("test::echo", "2"));
  CHECK(peer.read_response().status == 200);
  CHECK(peer.read_response().status == 200);  // by the other worker, which has nothing to do
  log.release();
}

// A call that a worker takes before it answers the last one is nobody else's any more.
TEST_CASE("workers: a log sink that blocks delays no call of another client", "[net][workers]") {
  held_call_log log;
  auto config = net_config();  // two workers
  config.log_calls = true;
  config.log = log.sink();
  live_executor server(config);
  raw_peer first(server.self);
  raw_peer second(server.self);
  raw_peer third(server.self);
  first.send(json_call("test::wait", "1"));
  second.send(json_call("test::wait", "1"));
  REQUIRE(the_gate().wait_entered(2));
  third.send(json_call("test::echo", "1"));
  REQUIRE(server.reaches([](const auto& s) { return s.waiting == 1; }));
  the_gate().open();
  CHECK(first.read_response().status == 200);
  CHECK(second.read_response().status == 200);
  pollfd ready{third.fd(), POLLIN, 0};
  CHECK(::poll(&ready, 1, 3000) == 1);  // one worker has nothing to do
  log.release();
  CHECK(third.read_response().status == 200);
}

TEST_CASE("workers: I/O threads look while a worker that looked is held up", "[net][workers]") {
  held_accept_log log;
  auto config = net_config();
  config.threads = 1;
  config.io_threads = 2;
  config.log = log.sink();
  auto server = std::make_unique<executor>(config);
  server->start();
  raw_peer victim(*server);
  victim.send(get_request("/healthz"));
  CHECK(victim.read_response().status == 200);
  log.hold(*server);
  victim.send(get_request("/healthz"));
  pollfd ready{victim.fd(), POLLIN, 0};
  CHECK(::poll(&ready, 1, 3000) == 1);
  log.release();
  CHECK(victim.read_response().status == 200);
}

TEST_CASE("workers: a read that is cut short is no proof that nothing is left", "[net][workers]") {
  live_executor server;
  for (int i = 0; i < 20; ++i) {
    raw_peer peer(server.self);
    peer.send(json_call("test::echo", "1"));
    CHECK(peer.read_response().status == 200);
    // Three segments, which a busy executor finds together.
    const std::string first = "GET /heal";
    const std::string second = "thz HTTP/1.1\r\nhost: a\r\n\r\n";
    REQUIRE(::send(peer.fd(), first.data(), first.size(), MSG_MORE) > 0);
    REQUIRE(::send(peer.fd(), "!", 1, MSG_OOB | MSG_MORE) == 1);
    REQUIRE(::send(peer.fd(), second.data(), second.size(), 0) > 0);
    pollfd ready{peer.fd(), POLLIN, 0};
    const bool is_answered = ::poll(&ready, 1, 2000) == 1;
    if (!is_answered) WARN("no answer in round " << i);
    REQUIRE(is_answered);
    CHECK(peer.read_response().status == 200);
  }
}

// The same with descriptors on a Unix socket.
TEST_CASE("workers: descriptors that a client passes hide nothing that follows", "[net][workers]") {
  char name[] = "/tmp/modal-test-XXXXXX";
  REQUIRE(::mkdtemp(name) != nullptr);
  auto config = net_config();
  config.address = std::string("unix:") + name + "/x.sock";
  live_executor server(config);
  for (int i = 0; i < 20; ++i) {
    raw_peer peer(server.self);
    peer.send(json_call("test::echo", "1"));
    CHECK(peer.read_response().status == 200);
    std::string first = "GET /heal";
    const std::string second = "thz HTTP/1.1\r\nhost: a\r\n\r\n";
    iovec piece{first.data(), first.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* const rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    const int passed = peer.fd();
    std::memcpy(CMSG_DATA(rights), &passed, sizeof passed);
    REQUIRE(::sendmsg(peer.fd(), &message, 0) > 0);
    peer.send(second);
    pollfd ready{peer.fd(), POLLIN, 0};
    const bool is_answered = ::poll(&ready, 1, 2000) == 1;
    if (!is_answered) WARN("no answer in round " << i);
    REQUIRE(is_answered);
    CHECK(peer.read_response().status == 200);
  }
  server.self.stop();
  CHECK(::rmdir(name) == 0);
}
