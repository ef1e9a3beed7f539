// SPDX-License-Identifier: Apache-2.0
// Calls on sessions, at the executor's end.
#include "session_peer.hpp"

using namespace test;
using modal::detail::frame_kind;

TEST_CASE("session call: a function has a number from its first call on", "[net][session_call]") {
  live_executor server;
  session_peer peer(server.self);
  peer.line.send(call_frame(5, "test::echo", binary_body(24, 'a')));
  CHECK(peer.read_answer(5) == 200);
  CHECK(peer.body == binary_body(24, 'a'));
  REQUIRE(peer.function != 0);
  const auto echo = peer.function;
  peer.line.send(call_frame(0, "test::big", binary_body(24, 'a')));
  CHECK(peer.read_answer(0) == 200);
  CHECK(peer.function != echo);
  peer.line.send(numbered_call(7, echo, binary_body(30, 'b')));
  CHECK(peer.read_answer(7) == 200);
  CHECK(peer.function == echo);
  CHECK(peer.body == binary_body(30, 'b'));
  session_peer other(server.self);  // numbers are a session's own
  other.line.send(numbered_call(7, echo, binary_body(30, 'b')));
  CHECK_THAT(other.read_end(), contains("number"));
}

TEST_CASE("session call: is answered in any order", "[net][session_call]") {
  live_executor server;
  session_peer peer(server.self);
  peer.line.send(call_frame(0, "test::wait", binary_body(24, 'a')) +
                 call_frame(1, "test::echo", binary_body(24, 'b')));
  CHECK(peer.read_answer(1) == 200);
  the_gate().open();
  CHECK(peer.read_answer(0) == 200);
}

TEST_CASE("session call: errors are those of HTTP", "[net][session_call]") {
  live_executor server(net_config({.body_bytes = 1 << 20}));
  session_peer peer(server.self);
  const auto fails = [&](const std::string& function, const std::string& payload, int status,
                         const char* code, std::uint64_t size = 0) {
    peer.line.send(call_frame(0, function, payload, size));
    CHECK(peer.read_answer(0) == status);
    CHECK_THAT(peer.body, contains(code));
    if (payload.size() < size) peer.line.send(plain_frame(frame_kind::cancel));
  };
  fails("test::nothing", binary_body(24, 'a'), 404, "unknown_function");
  fails("test::throw_pixel", binary_body(24, 'a'), 500, "pixel 7 is bad");
  fails("test::echo", "no payload, but long enough", 400, "malformed_payload");
  fails("test::echo", std::string(24, '\0'), 400, "malformed_payload");
  fails("test::echo", binary_body(2 << 20, 'a').substr(0, 100), 413, "too_large", 2 << 20);
  fails("test::echo", "", 413, "too_large", ~std::uint64_t{0});
  peer.line.send(call_frame(0, "test::echo", binary_body(24, 'a')));
  CHECK(peer.read_answer(0) == 200);
  CHECK(server.reaches([](const auto& s) { return s.bytes_in_flight == 0 && s.waiting == 0; }));
}

TEST_CASE("session call: a large body has credit as there is memory", "[net][session_call]") {
  live_executor server;
  session_peer peer(server.self);
  const std::string body = binary_body(5 << 20, 'c');
  const std::size_t front = GENERATE(std::size_t{0}, std::size_t{10}, std::size_t{5000});
  peer.line.send(call_frame(2, "test::echo", body.substr(0, front), body.size()));
  std::size_t sent = front;
  std::size_t most = 0;
  while (sent < body.size()) {
    const auto credit = peer.read();
    REQUIRE(credit.kind == frame_kind::credit);
    CHECK(credit.call == 2);
    most = std::max<std::size_t>(most, credit.value);
    for (std::size_t left = credit.value; left != 0;) {
      const std::size_t size = std::min<std::size_t>(left, 50'001);
      peer.line.send(plain_frame(frame_kind::segment, 2, 0, body.substr(sent, size)));
      sent += size;
      left -= size;
    }
  }
  CHECK(most <= 2 << 20);
  CHECK(server.reaches([](const auto& s) { return s.succeeded == 1; }));
}

TEST_CASE("session call: a large body has little credit at a time beside small calls",
          "[net][session_call]") {
  live_executor server;
  session_peer peer(server.self);
  const std::string body = binary_body(1 << 20, 'c');
  const bool is_beside = GENERATE(true, false);
  const std::string small = is_beside ? call_frame(0, "test::echo", binary_body(24, 'a')) : "";
  peer.line.send(small + call_frame(2, "test::echo", {}, body.size()));
  std::optional<std::size_t> first;
  std::size_t most = 0;
  for (std::size_t sent = 0; sent < body.size();) {
    const auto next = peer.read();
    if (next.kind != frame_kind::credit) continue;
    if (!first) first = next.value;
    most = std::max<std::size_t>(most, next.value);
    peer.line.send(plain_frame(frame_kind::segment, 2, 0, body.substr(sent, next.value)));
    sent += next.value;
  }
  if (is_beside)
    CHECK(*first <= std::size_t{128} << 10);
  else
    CHECK(most > std::size_t{128} << 10);
  CHECK(server.reaches([&](const auto& s) { return s.succeeded == (is_beside ? 2 : 1); }));
}

TEST_CASE("session call: a large result waits for credit", "[net][session_call]") {
  live_executor server;
  session_peer peer(server.self, false);
  peer.line.send(session_peer::hello_frame(1 << 30, 1000));
  const std::string body = binary_body(60'000, 'c');
  peer.line.send(call_frame(2, "test::echo", body));
  CHECK(peer.read_answer(2) == 200);
  CHECK(peer.body == body);  // it fits in a frame
}

TEST_CASE("session call: a body that waits for memory is not asked for", "[net][session_call]") {
  live_executor server(net_config({.bytes_in_flight = 3 << 20}));
  session_peer peer(server.self);
  const std::string body = binary_body(2 << 20, 'c');
  std::size_t sent[2] = {0, 0};
  const auto send_some = [&](std::uint32_t call, std::size_t left) {
    while (left != 0) {
      const std::size_t size = std::min<std::size_t>(left, 65'536);
      peer.line.send(plain_frame(frame_kind::segment, call, 0, body.substr(sent[call], size)));
      sent[call] += size;
      left -= size;
    }
  };
  peer.line.send(call_frame(0, "test::echo", "", body.size()));
  REQUIRE(peer.read().kind == frame_kind::credit);
  send_some(0, modal::payload_head_bytes);
  const auto rest = peer.read();
  REQUIRE(rest.value == body.size() - modal::payload_head_bytes);
  // There is no room for as much again while this one comes.
  peer.line.send(call_frame(1, "test::echo", "", body.size()));
  peer.line.send(call_frame(2, "test::echo", binary_body(24, 'a')));
  CHECK(peer.read_answer(2) == 200);  // which nothing holds up
  send_some(0, rest.value);
  for (int answers = 0; answers < 2;) {
    const auto next = peer.read();
    if (next.kind == frame_kind::error) FAIL(peer.body);
    if (next.kind == frame_kind::credit) send_some(next.call, next.value);
    if (next.kind == frame_kind::result) ++answers;
  }
}

TEST_CASE("session call: a cancel reaches the function", "[net][session_call]") {
  live_executor server;
  session_peer peer(server.self);
  SECTION("while it runs") {
    peer.line.send(call_frame(0, "test::wait", binary_body(24, 'a')));
    REQUIRE(the_gate().wait_entered(1));
    peer.line.send(plain_frame(frame_kind::cancel, 0));
    CHECK(peer.read_answer(0) == 499);
  }
  SECTION("while its body comes") {
    peer.line.send(call_frame(0, "test::wait", "", 100'000));
    CHECK(peer.read().kind == frame_kind::credit);
    peer.line.send(plain_frame(frame_kind::cancel, 0));
    CHECK(peer.read_answer(0) == 499);
  }
  SECTION("when it is over, which means nothing") {
    peer.line.send(call_frame(0, "test::echo", binary_body(24, 'a')));
    CHECK(peer.read_answer(0) == 200);
    peer.line.send(plain_frame(frame_kind::cancel, 0));
  }
  peer.line.send(call_frame(0, "test::echo", binary_body(24, 'a')));
  CHECK(peer.read_answer(0) == 200);
  CHECK(server.reaches(
      [](const auto& s) { return s.running == 0 && s.waiting == 0 && s.bytes_in_flight == 0; }));
}

TEST_CASE("session call: the end of the session is the end of its calls", "[net][session_call]") {
  live_executor server;
  {
    session_peer peer(server.self);
    peer.line.send(call_frame(0, "test::wait", binary_body(24, 'a')) +
                   call_frame(1, "test::wait", binary_body(24, 'a')) +
                   call_frame(2, "test::echo", "", 100'000));
    REQUIRE(the_gate().wait_entered(2));
    CHECK(peer.read().kind == frame_kind::credit);
    if (GENERATE(false, true)) peer.line.reset();
  }
  CHECK(server.reaches([](const auto& s) {
    return s.running == 0 && s.waiting == 0 && s.bytes_in_flight == 0 && s.connections == 0;
  }));
}

TEST_CASE("session call: a deadline holds while the body comes", "[net][session_call]") {
  live_executor server;
  session_peer peer(server.self);
  peer.line.send(call_frame(0, "test::echo", "", 100'000, 1s));
  CHECK(peer.read().kind == frame_kind::credit);
  CHECK(peer.read_answer(0) == 504);
  peer.line.send(plain_frame(frame_kind::cancel, 0));
  peer.line.send(call_frame(0, "test::echo", binary_body(24, 'a')));
  CHECK(peer.read_answer(0) == 200);
}

TEST_CASE("session call: one that runs where it is read needs no worker", "[net][session_call]") {
  live_executor server;
  session_peer peer(server.self);
  peer.line.send(call_frame(0, "test::wait", binary_body(24, 'a')) +
                 call_frame(1, "test::wait", binary_body(24, 'a')));
  REQUIRE(the_gate().wait_entered(2));
  std::string all;
  for (std::uint32_t i = 2; i < 100; ++i)
    all += call_frame(i, "test::quick", binary_body(24 + i, 'b'));
  peer.line.send(all);
  for (std::uint32_t i = 2; i < 100; ++i) {
    CHECK(peer.read_answer(i) == 200);
    CHECK(peer.body == binary_body(24 + i, 'b'));
  }
  raw_peer over_http(server.self);
  over_http.send(json_call("test::quick", "1"));
  CHECK(over_http.read_response().status == 200);
  the_gate().open();
}
