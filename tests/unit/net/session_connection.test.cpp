// SPDX-License-Identifier: Apache-2.0
// Sessions at the executor's end: how they begin and end, and peers that do as they like.
#include "net/session_connection.hpp"

#include "session_peer.hpp"

#include <algorithm>

using namespace test;
using modal::detail::frame_kind;

TEST_CASE("session: is for those who ask for it in the right way", "[net][session]") {
  live_executor server;
  raw_peer peer(server.self);
  const std::string upgrade = "connection: upgrade\r\nupgrade: modal/1\r\n";
  peer.send(get_request("/v1/session"));
  const auto plain = peer.read_response();
  CHECK(plain.status == 426);
  CHECK(plain.field("upgrade") == "modal/1");
  peer.send(get_request("/v1/session", "connection: upgrade\r\nupgrade: websocket\r\n"));
  CHECK(peer.read_response().status == 426);
  peer.send(get_request("/v1/session", "upgrade: modal/1\r\n"));
  CHECK(peer.read_response().status == 426);
  peer.send("POST /v1/session HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n" + upgrade + "\r\n");
  CHECK(peer.read_response().status == 405);
  peer.send(get_request("/v1/session", upgrade + "content-length: 1\r\n") + "x");
  CHECK(peer.read_response().status == 426);
  peer.send(get_request("/v1/session", "origin: https://evil.example\r\n" + upgrade));
  CHECK(peer.read_response().status == 403);
  peer.send(get_request("/v1/session", "connection: keep-alive, Upgrade\r\nupgrade: modal/1\r\n"));
  CHECK(peer.read_response(false).status == 101);
}

TEST_CASE("session: what comes with the upgrade is not lost", "[net][session]") {
  live_executor server;
  raw_peer line(server.self);
  line.send(get_request("/v1/session", "connection: upgrade\r\nupgrade: modal/1\r\n") +
            session_peer::hello_frame() + call_frame(0, "test::echo", binary_body(24, 'a')));
  CHECK(line.read_response(false).status == 101);
  const auto rest = line.read_exactly(16);
  CHECK(rest[4] == 1);
}

TEST_CASE("session: is open for as long as both want", "[net][session]") {
  live_executor server(net_config({.idle_timeout = 50ms}));
  session_peer peer(server.self);
  CHECK(peer.executor_hello.calls > 0);
  CHECK(peer.executor_hello.payload_bytes == 1 << 30);
  CHECK(peer.read_end() == "the session was idle");
}

TEST_CASE("session: who is silent, or slow, is given up", "[net][session]") {
  SECTION("without a hello") {
    live_executor server(net_config({.header_timeout = 50ms}));
    session_peer peer(server.self, false);
    CHECK(peer.read_end() == "the other end did not say hello in time");
  }
  SECTION("in the middle of a frame") {
    live_executor server(net_config({.header_timeout = 1000ms}));
    session_peer peer(server.self);
    peer.line.send(call_frame(0, "test::echo", binary_body(24, 'a')).substr(0, 40));
    CHECK(peer.read_end() == "a frame came too slowly");
  }
  SECTION("with a payload that has credit") {
    live_executor server(net_config({.transfer_timeout = 50ms}));
    session_peer peer(server.self);
    peer.line.send(call_frame(0, "test::echo", binary_body(100'000, 'a').substr(0, 100), 100'000));
    CHECK(peer.read().kind == frame_kind::credit);
    CHECK(peer.read_end() == "nothing came of a payload for too long");
    CHECK(server.reaches([](const auto& s) { return s.bytes_in_flight == 0 && s.waiting == 0; }));
  }
  SECTION("below the least rate") {
    live_executor server(net_config({.minimum_rate = 1 << 20, .rate_window = 50ms}));
    session_peer peer(server.self);
    peer.line.send(call_frame(0, "test::echo", binary_body(100'000, 'a').substr(0, 100), 100'000));
    CHECK(peer.read().kind == frame_kind::credit);
    while (peer.line.try_send(plain_frame(frame_kind::segment, 0, 0, "x")))
      std::this_thread::yield();
    // The last words may be lost in the reset: what was sent had nobody to read it.
    CHECK(server.reaches([](const auto& s) { return s.connections == 0; }));
  }
}

TEST_CASE("session: what breaks its rules ends it, and no other", "[net][session]") {
  live_executor server;
  session_peer other(server.self);
  session_peer peer(server.self);
  SECTION("a second hello") {
    peer.line.send(session_peer::hello_frame());
    CHECK(peer.read_end() == "a second hello");
  }
  SECTION("a number that is in use") {
    peer.line.send(call_frame(1, "test::wait", binary_body(24, 'a')));
    REQUIRE(the_gate().wait_entered(1));
    peer.line.send(call_frame(1, "test::echo", binary_body(24, 'a')));
    CHECK_THAT(peer.read_end(), contains("under way"));
    CHECK(server.reaches([](const auto& s) { return s.running == 0; }));  // it was cancelled
  }
  SECTION("a function's number that nobody has given") {
    peer.line.send(numbered_call(1, 9, binary_body(24, 'a')));
    CHECK_THAT(peer.read_end(), contains("a number that nobody has given"));
  }
  SECTION("a segment without credit") {
    peer.line.send(call_frame(1, "test::echo", binary_body(90'000, 'a').substr(0, 50), 90'000));
    CHECK(peer.read().kind == frame_kind::credit);
    peer.line.send(plain_frame(frame_kind::segment, 2, 0, "x"));
    CHECK_THAT(peer.read_end(), contains("no more bytes"));
  }
  SECTION("a frame without an end") {
    std::string bad = plain_frame(frame_kind::ping);
    bad[3] = 1;
    peer.line.send(bad);
    CHECK_THAT(peer.read_end(), contains("longer than"));
  }
  SECTION("no frames at all") {
    peer.line.send(get_request("/healthz"));
    CHECK_FALSE(peer.read_end().empty());
  }
  other.line.send(call_frame(0, "test::echo", binary_body(24, 'a')));
  CHECK(other.read_answer(0) == 200);
  CHECK(server.reaches([](const auto& s) { return s.connections == 1; }));
}

TEST_CASE("session: one that does not read holds up no other, and ends", "[net][session]") {
  live_executor server(net_config({.transfer_timeout = 200ms}));
  session_peer deaf(server.self);
  // Until its answers fill all there is between the two, and it is not read any more either.
  std::string all;
  for (std::uint32_t i = 0; i < 64; ++i)
    all += call_frame(i, "test::echo", binary_body(60'000, 'a'));
  std::thread sending([&] {
    while (deaf.line.try_send(all)) {
    }
  });
  session_peer other(server.self);
  for (std::uint32_t i = 0; i < 100; ++i) {
    other.line.send(call_frame(i, "test::echo", binary_body(24, 'a')));
    REQUIRE(other.read_answer(i) == 200);
  }
  sending.join();
  CHECK(server.reaches([](const auto& s) { return s.connections == 1 && s.running == 0; }));
}

TEST_CASE("session: a stop lets its calls end", "[net][session]") {
  live_executor server;
  session_peer peer(server.self);
  session_peer idle(server.self);
  peer.line.send(call_frame(3, "test::wait", binary_body(24, 'a')));
  REQUIRE(the_gate().wait_entered(1));
  std::thread stopping([&] { server.self.stop(); });
  raw_peer looking(server.self);
  for (int status = 0; status != 503; status = looking.read_response().status)
    looking.send(get_request("/readyz"));
  peer.line.send(call_frame(4, "test::echo", binary_body(24, 'a')));
  CHECK(peer.read_answer(4) == 503);
  the_gate().open();
  CHECK(peer.read_answer(3) == 200);
  CHECK(peer.read_end() == "the executor is stopping");
  CHECK(idle.read_end() == "the executor is stopping");
  stopping.join();
}

TEST_CASE("session: a stop does not wait for arguments that nobody wants", "[net][session]") {
  live_executor server(net_config({.body_bytes = 1000}));
  session_peer peer(server.self);
  peer.line.send(call_frame(0, "test::echo", "", 5000));
  CHECK(peer.read_answer(0) == 413);
  server.self.stop();  // a test that hangs fails
  CHECK(peer.read_end() == "the executor is stopping");
}

TEST_CASE("session: the longest idle one makes room for another client", "[net][session]") {
  live_executor server(net_config({.connections = 2}));
  session_peer idle(server.self);
  session_peer busy(server.self);
  busy.line.send(call_frame(0, "test::wait", binary_body(24, 'a')));
  REQUIRE(the_gate().wait_entered(1));
  raw_peer third(server.self);
  third.send(get_request("/healthz"));
  CHECK(third.read_response().status == 200);
  CHECK_THAT(idle.read_end(), contains("more connections"));
  the_gate().open();
  CHECK(busy.read_answer(0) == 200);
}

TEST_CASE("session: may come byte by byte", "[net][session]") {
  live_executor server;
  session_peer peer(server.self);
  std::string all;
  for (std::uint32_t i = 0; i < 3; ++i)
    all += call_frame(i, "test::echo", binary_body(40 + i, 'a'));
  for (const char each : all) peer.line.send(std::string(1, each));
  for (std::uint32_t i = 0; i < 3; ++i) {
    CHECK(peer.read_answer(i) == 200);
    CHECK(peer.body == binary_body(40 + i, 'a'));
  }
}

TEST_CASE("session: many clients at once each have one", "[net][session]") {
  live_executor server;
  std::vector<std::unique_ptr<session_peer>> peers;
  for (int i = 0; i < 100; ++i) peers.push_back(std::make_unique<session_peer>(server.self));
  for (auto& each : peers) each->line.send(call_frame(0, "test::echo", binary_body(30, 'a')));
  for (auto& each : peers) CHECK(each->read_answer(0) == 200);
  peers.clear();
  CHECK(server.reaches([](const auto& s) { return s.connections == 0; }));
}

TEST_CASE("session: one that begins to read late gets all its answers", "[net][session]") {
  live_executor server(net_config({.queue_length = 1024}));
  session_peer peer(server.self);
  constexpr std::uint32_t calls = 600;
  const std::string body = binary_body(60'000, 'a');
  std::thread sending([&] {
    for (std::uint32_t i = 0; i < calls; ++i)
      peer.line.try_send(call_frame(i, "test::quick", body));
  });
  // By then they fill what is between the two, and nothing more is read of it.
  CHECK(server.reaches([](const auto& s) { return s.succeeded >= 20; }));
  std::vector<int> answers(calls);
  for (std::uint32_t i = 0; i < calls; ++i) {
    const auto head = peer.read();
    REQUIRE(head.kind == frame_kind::result);
    ++answers.at(head.call);
  }
  CHECK(std::count(answers.begin(), answers.end(), 1) == calls);
  sending.join();
}
