// SPDX-License-Identifier: Apache-2.0
#include "raw_peer.hpp"

#include <poll.h>
#include <thread>

using namespace test;

TEST_CASE("connection: does not wait long for the rest of a header", "[net][timeouts]") {
  live_executor server(net_config({.header_timeout = 50ms}));
  raw_peer peer(server.self);
  peer.send("GET /healthz HT");
  CHECK(peer.read_response().status == 408);
  CHECK(peer.is_closed());
}

TEST_CASE("connection: closes when nothing is asked", "[net][timeouts]") {
  live_executor server(net_config({.idle_timeout = 50ms}));
  SECTION("from the start") {
    raw_peer peer(server.self);
    CHECK(peer.is_closed());
  }
  SECTION("after an answer") {
    raw_peer peer(server.self);
    peer.send(json_call("test::echo", "1"));
    CHECK(peer.read_response().status == 200);
    CHECK(peer.is_closed());
  }
}

TEST_CASE("connection: does not count a running call as idle", "[net][timeouts]") {
  live_executor server(net_config({.idle_timeout = 50ms}));
  raw_peer peer(server.self);
  raw_peer idle(server.self);
  peer.send(json_call("test::wait", "1"));
  REQUIRE(the_gate().wait_entered(1));
  CHECK(idle.is_closed());  // so the time has passed
  the_gate().open();
  CHECK(peer.read_response().status == 200);
}

TEST_CASE("connection: does not wait long for the rest of a body", "[net][timeouts]") {
  live_executor server(net_config({.transfer_timeout = 50ms}));
  raw_peer peer(server.self);
  SECTION("of known length") { peer.send(post_head("test::echo", 10) + "12345"); }
  SECTION("in chunks") {
    peer.send("POST " + call_path("test::echo") +
              " HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
              "transfer-encoding: chunked\r\n\r\n4\r\n12");
  }
  CHECK(peer.read_response().status == 408);
  CHECK(peer.is_closed());
  CHECK(server.reaches([](const auto& s) { return s.bytes_in_flight == 0 && s.waiting == 0; }));
}

TEST_CASE("connection: the first bytes of a body are progress", "[net][timeouts]") {
  live_executor server(
      net_config({.transfer_timeout = 2000ms, .minimum_rate = 0, .rate_window = 60'000ms}));
  raw_peer peer(server.self);
  peer.send(post_head("test::echo", 6));
  // Each comes less than the limit after the one before, and all together take longer.
  for (int i = 0; i < 6; ++i) {
    pollfd answered{peer.fd(), POLLIN, 0};
    REQUIRE(::poll(&answered, 1, 500) == 0);
    REQUIRE(peer.try_send("1"));
  }
  CHECK(peer.read_response().status == 200);
}

TEST_CASE("connection: keeps the call's deadline while it reads the body", "[net][timeouts]") {
  live_executor server;
  raw_peer peer(server.self);
  peer.send(post_head("test::echo", 10, "modal-timeout-us: 50000\r\n") + "12345");
  CHECK(peer.read_response().status == 504);
  CHECK(peer.is_closed());
}

TEST_CASE("connection: answers at the deadline of a call", "[net][timeouts]") {
  live_executor server;
  raw_peer peer(server.self);
  peer.send(json_call("test::ignore", "1", "modal-timeout-us: 50000\r\n"));
  CHECK(peer.read_response().status == 504);
  peer.send(get_request("/healthz"));
  CHECK(peer.read_response().status == 200);
}

TEST_CASE("connection: drops a client that does not read its answers", "[net][timeouts]") {
  // Long enough for a sender that has to wait for a busy machine.
  live_executor server(net_config({.transfer_timeout = 2s}));
  raw_peer peer(server.self);
  const int small = 4096;
  ::setsockopt(peer.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  const std::string body = binary_body(16 << 20, ' ');
  std::thread sender([&] {
    peer.try_send("POST " + call_path("test::echo") +
                  " HTTP/1.1\r\nhost: a\r\ncontent-type: application/vnd.modal.call\r\n"
                  "modal-signature: " +
                  bytes_signature().id.to_string() +
                  "\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  });
  sender.join();
  CHECK(server.reaches([](const auto& s) { return s.succeeded == 1 && s.connections == 0; }));
}

TEST_CASE("connection: gives everything back when a client goes", "[net][gone]") {
  live_executor server;
  const auto is_clean = [](const executor_stats& s) {
    return s.connections == 0 && s.bytes_in_flight == 0 && s.waiting == 0 && s.running == 0;
  };
  SECTION("in the middle of a header") { raw_peer(server.self).send("GET / HT"); }
  SECTION("in the middle of a body") {
    raw_peer peer(server.self);
    peer.send(post_head("test::echo", 1 << 20) + "12345");
    REQUIRE(server.reaches([](const auto& s) { return s.bytes_in_flight != 0; }));
    peer.close();
  }
  SECTION("in the middle of a chunk") {
    raw_peer peer(server.self);
    peer.send("POST " + call_path("test::echo") +
              " HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
              "transfer-encoding: chunked\r\n\r\n400\r\nabc");
    REQUIRE(server.reaches([](const auto& s) { return s.bytes_in_flight != 0; }));
    peer.reset();
  }
  SECTION("while its call runs") {
    raw_peer peer(server.self);
    peer.send(json_call("test::wait", "1"));
    REQUIRE(the_gate().wait_entered(1));
    peer.close();
    REQUIRE(the_gate().wait_left(1));
    CHECK(the_gate().stopped() == 1);
    CHECK(server.reaches([](const auto& s) { return s.failed == 1; }));
  }
  SECTION("with a reset, while its call runs") {
    raw_peer peer(server.self);
    peer.send(json_call("test::wait", "1"));
    REQUIRE(the_gate().wait_entered(1));
    peer.reset();
    REQUIRE(the_gate().wait_left(1));
    CHECK(the_gate().stopped() == 1);
  }
  SECTION("while its call waits") {
    raw_peer first(server.self);
    raw_peer second(server.self);
    raw_peer third(server.self);
    first.send(json_call("test::wait", "1"));
    second.send(json_call("test::wait", "1"));
    REQUIRE(the_gate().wait_entered(2));
    third.send(json_call("test::wait", "1"));
    REQUIRE(server.reaches([](const auto& s) { return s.waiting == 1; }));
    third.close();
    CHECK(server.reaches([](const auto& s) { return s.waiting == 0; }));
    the_gate().open();
    CHECK(first.read_response().status == 200);
    CHECK(second.read_response().status == 200);
  }
  CHECK(server.reaches(is_clean));
}
