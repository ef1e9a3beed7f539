// SPDX-License-Identifier: Apache-2.0
#include "raw_peer.hpp"

#include <thread>

using namespace test;

namespace {

std::string binary_head(std::size_t size) {
  return "POST " + call_path("test::echo") +
         " HTTP/1.1\r\nhost: a\r\ncontent-type: application/vnd.modal.call\r\nmodal-signature: " +
         bytes_signature().id.to_string() + "\r\ncontent-length: " + std::to_string(size) +
         "\r\n\r\n";
}

constexpr std::size_t mebibyte = 1 << 20;

}  // namespace

TEST_CASE("memory: what is only claimed keeps nobody out", "[net][memory]") {
  live_executor server(net_config({.body_bytes = 16 * mebibyte, .bytes_in_flight = 32 * mebibyte}));
  std::vector<raw_peer> claimers;
  for (int i = 0; i < 4; ++i) {
    claimers.emplace_back(server.self);
    claimers.back().send(binary_head(16 * mebibyte) + "x");
  }
  REQUIRE(server.reaches([](const auto& s) { return s.bytes_in_flight > 0 && s.waiting == 4; }));
  raw_peer honest(server.self);
  const std::string body = binary_body(mebibyte, 'h');
  std::thread sender([&] { honest.try_send(binary_head(body.size()) + body); });
  CHECK(honest.read_response().status == 200);
  sender.join();
}

TEST_CASE("memory: bodies that have half arrived do not block each other", "[net][memory]") {
  live_executor server(net_config({.body_bytes = 7 * mebibyte, .bytes_in_flight = 8 * mebibyte}));
  const std::string body = binary_body(6 * mebibyte, 'h');
  std::vector<std::thread> senders;
  std::vector<raw_peer> peers;
  for (int i = 0; i < 6; ++i) peers.emplace_back(server.self);
  for (auto& each : peers)
    senders.emplace_back([&] { each.try_send(binary_head(body.size()) + body); });
  std::vector<std::thread> readers;
  std::atomic<int> right{0};
  for (auto& each : peers)
    readers.emplace_back([&] {
      const auto answer = each.read_response();
      // With all memory in use a call may be refused before its body, and then told so.
      if (answer.status == 200 && answer.body.size() == body.size())
        ++right;
      else if (answer.status == 503)
        each.close();
    });
  for (auto& each : readers) each.join();
  for (auto& each : senders) each.join();
  CHECK(right >= 1);
  peers.clear();
  CHECK(server.reaches([](const auto& s) { return s.bytes_in_flight == 0 && s.waiting == 0; }));
}

TEST_CASE("memory: a body that waits is read when there is room", "[net][memory]") {
  live_executor server(net_config({.body_bytes = 7 * mebibyte, .bytes_in_flight = 7 * mebibyte}));
  const std::string body = binary_body(6 * mebibyte, 'b');
  raw_peer oldest(server.self);
  oldest.send(binary_head(body.size()) + body.substr(0, 5 * mebibyte));
  REQUIRE(server.reaches([](const auto& s) { return s.bytes_in_flight >= 5 * mebibyte; }));
  raw_peer younger(server.self);
  std::thread sender([&] { younger.try_send(binary_head(body.size()) + body); });
  REQUIRE(server.reaches([](const auto& s) { return s.waiting == 2; }));
  oldest.send(body.substr(5 * mebibyte));
  CHECK(oldest.read_response().status == 200);
  CHECK(younger.read_response().status == 200);
  sender.join();
}

// Nothing is read of it meanwhile, so that its end shows only to those who look for it.
TEST_CASE("memory: a client that goes while its body waits is noticed", "[net][memory]") {
  live_executor server(net_config({.bytes_in_flight = 100, .minimum_rate = 0}));
  raw_peer holder(server.self);
  holder.send(json_call("test::wait", std::string(60, '1')));
  REQUIRE(the_gate().wait_entered(1));
  raw_peer oldest(server.self);
  oldest.send(post_head("test::echo", 30) + std::string(10, '1'));
  REQUIRE(server.reaches([](const auto& now) { return now.bytes_in_flight == 90; }));
  {
    raw_peer waits(server.self);
    waits.send(post_head("test::echo", 50) + std::string(10, '1'));
    REQUIRE(server.reaches([](const auto& now) { return now.waiting == 2; }));
  }
  CHECK(server.reaches([](const auto& now) { return now.waiting == 1 && now.connections == 2; }));
}

// It may have a limit for requests that stand still, as our own client has.
TEST_CASE("memory: a client whose body waits is told so", "[net][memory]") {
  live_executor server(net_config({.bytes_in_flight = 100, .minimum_rate = 0}));
  raw_peer holder(server.self);
  holder.send(json_call("test::wait", std::string(60, '1')));
  REQUIRE(the_gate().wait_entered(1));
  raw_peer oldest(server.self);
  oldest.send(post_head("test::echo", 30) + std::string(10, '1'));
  REQUIRE(server.reaches([](const auto& now) { return now.bytes_in_flight == 90; }));
  raw_peer waits(server.self);
  waits.send(post_head("test::echo", 50) + std::string(10, '1'));
  CHECK(waits.read_response().status == 102);
  the_gate().open();
  CHECK(holder.read_response().status == 200);
  oldest.send(std::string(20, '1'));
  CHECK(oldest.read_response().status == 200);
  waits.send(std::string(40, '1'));
  auto answer = waits.read_response();
  while (answer.status == 102) answer = waits.read_response();
  CHECK(answer.status == 200);
}

TEST_CASE("memory: results count until they are written", "[net][memory]") {
  live_executor server(net_config({.body_bytes = 9 * mebibyte, .bytes_in_flight = 9 * mebibyte}));
  const std::string body = binary_body(8 * mebibyte, 'b');
  std::vector<raw_peer> slow;
  for (int i = 0; i < 2; ++i) {
    slow.emplace_back(server.self);
    slow.back().send(binary_head(body.size()) + body);
    REQUIRE(server.reaches([&](const auto& s) { return s.succeeded == std::size_t(i) + 1; }));
  }
  // Both have run and overdraw the budget; what comes now is told to come later.
  CHECK(server.self.stats().bytes_in_flight >= 16 * mebibyte);
  raw_peer next(server.self);
  next.send(json_call("test::echo", "1"));
  CHECK(next.read_response().status == 503);
  for (auto& each : slow) CHECK(each.read_response().body.size() == body.size());
  REQUIRE(server.reaches([](const auto& s) { return s.bytes_in_flight == 0; }));
  next.send(json_call("test::echo", "1"));
  CHECK(next.read_response().status == 200);
}

TEST_CASE("memory: a body must come at the least rate, not only make progress", "[net][memory]") {
  live_executor server(net_config({.minimum_rate = std::size_t{1} << 30, .rate_window = 50ms}));
  raw_peer peer(server.self);
  SECTION("of known length") {
    peer.send(binary_head(64 * mebibyte) + binary_body(64 * mebibyte, 'x').substr(0, 16));
  }
  SECTION("in chunks") {
    peer.send("POST " + call_path("test::echo") +
              " HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
              "transfer-encoding: chunked\r\n\r\n400000\r\n");
  }
  std::thread trickle([&] {
    while (peer.try_send("x")) {
    }
  });
  CHECK(peer.read_response().status == 408);
  trickle.join();
  CHECK(server.reaches([](const auto& s) { return s.bytes_in_flight == 0 && s.waiting == 0; }));
}

TEST_CASE("memory: an answer must be taken at the least rate", "[net][memory]") {
  live_executor server(net_config({.minimum_rate = std::size_t{1} << 30, .rate_window = 50ms}));
  raw_peer peer(server.self);
  const int small = 4096;
  ::setsockopt(peer.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  const std::string body = binary_body(32 * mebibyte, ' ');
  std::thread sender([&] { peer.try_send(binary_head(body.size()) + body); });
  sender.join();
  // Takes a little now and then; what the kernel holds of an answer that was given up is not read.
  CHECK(server.reaches([&](const auto& s) {
    char byte;
    (void)::recv(peer.fd(), &byte, 1, MSG_DONTWAIT);
    return s.connections == 0 && s.bytes_in_flight == 0;
  }));
}
