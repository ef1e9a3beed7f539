// SPDX-License-Identifier: Apache-2.0
#include "net/server.hpp"

#include "raw_peer.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <atomic>
#include <fstream>
#include <linux/sockios.h>
#include <memory>
#include <mutex>
#include <sys/ioctl.h>
#include <sys/stat.h>

using namespace test;

namespace {

// A directory of its own for each case.
struct scratch {
  scratch() {
    char name[] = "/tmp/modal-test-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    path = name;
  }
  ~scratch() {
    ::unlink(socket().c_str());
    ::rmdir(path.c_str());
  }
  [[nodiscard]] std::string socket() const { return path + "/x.sock"; }
  [[nodiscard]] bool exists() const {
    struct stat found {};
    return ::lstat(socket().c_str(), &found) == 0;
  }
  executor_config config() const {
    auto made = net_config();
    made.address = "unix:" + socket();
    return made;
  }
  std::string path;
};

void check_serves(const executor& server) {
  raw_peer peer(server);
  peer.send(json_call("test::echo", "1"));
  CHECK(peer.read_response().status == 200);
}

}  // namespace

TEST_CASE("server: says where it listens", "[net][server]") {
  live_executor server;
  CHECK(server.self.port() != 0);
  CHECK(server.self.url() == "http://127.0.0.1:" + std::to_string(server.self.port()));
}

TEST_CASE("server: refuses addresses that cannot work", "[net][server]") {
  const auto why = [](std::string address, std::uint16_t port = 0) -> std::string {
    auto config = net_config();
    config.address = std::move(address);
    config.port = port;
    executor server{config};
    try {
      server.start();
    } catch (const call_error& thrown) {
      CHECK(thrown.reason() == errc::bad_configuration);
      return thrown.what();
    }
    return "";
  };
  CHECK_THAT(why("localhost?"), contains("no IP address"));
  CHECK_THAT(why("unix:relative"), contains("absolute"));
  CHECK_THAT(why("unix:/" + std::string(200, 'x')), contains("longer than"));
  live_executor other;
  CHECK_THAT(why("127.0.0.1", other.self.port()), contains(std::to_string(other.self.port())));
}

TEST_CASE("server: can be started again after it failed to", "[net][server]") {
  auto config = net_config();
  config.address = "unix:/nowhere/at/all";
  executor server{config};
  CHECK_THROWS_AS(server.start(), call_error);
  CHECK_THROWS_AS(server.start(), call_error);
}

TEST_CASE("server: listens on a Unix socket and removes it", "[net][server]") {
  const scratch place;
  {
    live_executor server(place.config());
    CHECK(server.self.url() == "http+unix://" + place.socket());
    CHECK(server.self.port() == 0);
    check_serves(server.self);
    CHECK(place.exists());
  }
  CHECK_FALSE(place.exists());
}

TEST_CASE("server: takes over only dead sockets", "[net][server]") {
  const scratch place;
  SECTION("a live one stays") {
    live_executor first(place.config());
    executor second{place.config()};
    CHECK_THROWS_AS(second.start(), call_error);
    check_serves(first.self);
  }
  SECTION("a dead one goes") {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    place.socket().copy(where.sun_path, sizeof where.sun_path - 1);
    REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&where), sizeof where) == 0);
    ::close(fd);
    live_executor server(place.config());
    check_serves(server.self);
  }
  SECTION("a file stays") {
    std::ofstream(place.socket()) << "mine";
    executor server{place.config()};
    CHECK_THROWS_AS(server.start(), call_error);
    CHECK(place.exists());
  }
}

TEST_CASE("server: is not starved by idle connections", "[net][server]") {
  live_executor server;  // two workers
  std::vector<raw_peer> idle;
  for (int i = 0; i < 20; ++i) {
    idle.emplace_back(server.self);
    idle.back().send(json_call("test::echo", "1"));
    CHECK(idle.back().read_response().status == 200);
  }
  check_serves(server.self);
  for (auto& each : idle) {
    each.send(json_call("test::echo", "2"));
    CHECK(each.read_response().status == 200);
  }
}

TEST_CASE("server: tells one connection too many to come later", "[net][server]") {
  live_executor server(net_config({.connections = 2}));
  raw_peer first(server.self);
  raw_peer second(server.self);
  first.send(json_call("test::wait", "1"));
  second.send(json_call("test::wait", "1"));
  REQUIRE(the_gate().wait_entered(2));
  {
    raw_peer third(server.self);
    third.send(get_request("/healthz"));
    const auto refused = third.read_response();
    CHECK(refused.status == 503);
    CHECK(refused.field("retry-after") == "1");
    CHECK(third.is_closed());
  }
  the_gate().open();
  CHECK(first.read_response().status == 200);
  CHECK(second.read_response().status == 200);
  check_serves(server.self);
}

TEST_CASE("server: lets the longest idle connection go where there are too many", "[net][server]") {
  live_executor server(net_config({.connections = 3}));
  raw_peer busy(server.self);
  busy.send(json_call("test::wait", "1"));
  REQUIRE(the_gate().wait_entered(1));
  raw_peer silent(server.self);
  REQUIRE(server.reaches([](const auto& s) { return s.connections == 2; }));
  raw_peer used(server.self);
  used.send(get_request("/healthz"));
  CHECK(used.read_response().status == 200);
  raw_peer another(server.self);
  another.send(get_request("/healthz"));
  CHECK(another.read_response().status == 200);
  CHECK(silent.is_closed());
  used.send(get_request("/healthz"));
  CHECK(used.read_response().status == 200);
  the_gate().open();
  CHECK(busy.read_response().status == 200);
}

TEST_CASE("server: silent connections keep nobody out", "[net][server]") {
  live_executor server(net_config({.connections = 16}));
  std::vector<raw_peer> silent;
  for (int i = 0; i < 100; ++i) {
    silent.emplace_back(server.self);
    if (i % 10 == 9) check_serves(server.self);
  }
  CHECK(server.reaches([](const auto& s) { return s.connections <= 16; }));
}

TEST_CASE("server: refuses more calls than the queue holds and serves the rest", "[net][server]") {
  live_executor server(net_config({.queue_length = 4}));
  std::vector<raw_peer> peers;
  for (int i = 0; i < 2; ++i) {
    peers.emplace_back(server.self);
    peers.back().send(json_call("test::wait", "1"));
  }
  REQUIRE(the_gate().wait_entered(2));
  for (int i = 0; i < 10; ++i) {
    peers.emplace_back(server.self);
    peers.back().send(json_call("test::wait", "1"));
  }
  REQUIRE(server.reaches([](const auto& s) { return s.admitted == 6 && s.refused == 6; }));
  the_gate().open();
  int good = 0;
  int refused = 0;
  for (auto& each : peers) {
    const auto answer = each.read_response();
    if (answer.status == 200) ++good;
    if (answer.status == 503 && !answer.field("retry-after").empty()) ++refused;
  }
  CHECK(good == 6);
  CHECK(refused == 6);
}

TEST_CASE("server: runs on threads of the host", "[net][server]") {
  boost::asio::io_context host;
  auto work = boost::asio::make_work_guard(host);
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back([&] { host.run(); });
  {
    executor server{net_config()};
    server.start(host);
    check_serves(server);
    std::vector<raw_peer> peers;
    for (int i = 0; i < 10; ++i) peers.emplace_back(server);
    for (int round = 0; round < 20; ++round) {
      for (auto& each : peers) each.send(json_call("test::echo", "1"));
      for (auto& each : peers) CHECK(each.read_response().status == 200);
    }
    server.stop();
  }
  work.reset();
  for (auto& each : threads) each.join();
}

TEST_CASE("server: a request whose head has half arrived is not idle", "[net][server]") {
  live_executor server(net_config({.connections = 1}));
  raw_peer first(server.self);
  const std::string request = json_call("test::echo", "1");
  first.send(request.substr(0, 40));
  // Waits until the other end has read it: a second connection would take its place otherwise.
  int unread = 1;
  while (unread != 0) REQUIRE(::ioctl(first.fd(), SIOCOUTQ, &unread) == 0);
  raw_peer second(server.self);
  second.send(get_request("/healthz"));
  const int told = second.read_response().status;
  CHECK((told == 503 || told == 200));
  first.send(request.substr(40));
  CHECK(first.read_response().status == 200);
}

TEST_CASE("server: one that has only sent what is no request makes room too", "[net][server]") {
  live_executor server(net_config({.connections = 1}));
  raw_peer first(server.self);
  SECTION("an empty line before any request") { first.send("\r\n"); }
  SECTION("an empty line behind one") {
    first.send(json_call("test::echo", "1") + "\r\n");
    REQUIRE(first.read_response().status == 200);
  }
  SECTION("an empty line after one") {
    first.send(json_call("test::echo", "1"));
    REQUIRE(first.read_response().status == 200);
    first.send("\r\n");
  }
  SECTION("a refused body behind its answer") {
    first.send(post_head("test::unknown", 3));
    REQUIRE(first.read_response().status == 404);
    first.send("[1]");
  }
  // Who comes is refused until the first one is found to be idle.
  const auto until = std::chrono::steady_clock::now() + 30s;
  int status = 0;
  while (status != 200 && std::chrono::steady_clock::now() < until) {
    raw_peer second(server.self);
    second.send(get_request("/healthz"));
    status = second.read_answer_or_end();
  }
  CHECK(status == 200);
}

TEST_CASE("server: the longest times mean none", "[net][server]") {
  constexpr auto longest = std::chrono::milliseconds::max();
  auto config = net_config({.header_timeout = longest,
                            .idle_timeout = longest,
                            .transfer_timeout = longest,
                            .rate_window = longest,
                            .call_timeout = longest});
  config.grace = longest;
  config.stop_patience = longest;
  live_executor server(config);
  raw_peer peer(server.self);
  peer.send(json_call("test::echo", "1"));
  CHECK(peer.read_response().status == 200);
  peer.send(post_head("test::ignore", 3) + "1");
  peer.send("23");
  REQUIRE(the_gate().wait_entered(1));
  std::thread stopper([&] { server.self.stop(); });
  the_gate().open();
  CHECK(peer.read_response().status == 200);
  stopper.join();
}

TEST_CASE("server: spreads connections over several threads", "[net][server]") {
  auto config = net_config();
  config.io_threads = 3;
  live_executor server(config);
  std::vector<raw_peer> peers;
  for (int i = 0; i < 9; ++i) peers.emplace_back(server.self);
  for (auto& each : peers) each.send(json_call("test::echo", "1"));
  for (auto& each : peers) CHECK(each.read_response().status == 200);
}

TEST_CASE("server: a call that is lost goes on for the attempt that follows", "[net][server]") {
  live_executor live;
  const std::string fields =
      "modal-call-id: 00112233445566778899aabbccddeeff\r\nmodal-on-lost: repeat\r\n";
  raw_peer first(live.self);
  first.send(json_call("test::wait", "[1]", fields));
  REQUIRE(the_gate().wait_entered(1));
  GENERATE(0, 1) == 0 ? first.close() : first.reset();
  raw_peer second(live.self);
  second.send(json_call("test::wait", "[1]", fields));
  REQUIRE(live.reaches([](const auto& now) { return now.waiting == 1; }));
  the_gate().open();
  const auto answer = second.read_response();
  CHECK(answer.status == 200);
  CHECK(answer.body.find("\"result\":[1]") != std::string::npos);
  CHECK(the_gate().stopped() == 0);
  CHECK_FALSE(the_gate().has_entered(2));

  raw_peer third(live.self);
  third.send(json_call("test::wait", "[1]", fields));
  CHECK(third.read_response().status == 200);
  third.send(json_call("test::wait", "[1]", "modal-call-id: 00112233445566778899aabbccddeeff\r\n"));
  const auto refused = third.read_response();
  CHECK(refused.status == 409);
  CHECK(refused.body.find("duplicate_call") != std::string::npos);
  CHECK_FALSE(the_gate().has_entered(2));
}

TEST_CASE("server: the largest number of connections is no limit", "[net][server]") {
  modal::limits bounds;
  bounds.connections = SIZE_MAX;
  live_executor live(net_config(bounds));
  std::vector<raw_peer> peers;
  for (int i = 0; i < 100; ++i) peers.emplace_back(live.self);
  for (auto& each : peers) {
    each.send(get_request("/healthz"));
    CHECK(each.read_response().status == 200);
  }
}

TEST_CASE("server: requests that are sent ahead are answered as what they are", "[net][server]") {
  const int every = GENERATE(18, 33, 40);  // calls among requests that are answered at once
  live_executor live;
  raw_peer peer(live.self);
  std::string all;
  std::vector<std::string> wanted;
  for (int i = 0; i < 5000; ++i) {
    const std::string name = std::to_string(100'000 + i);
    if (i % every == 0)
      all += json_call("test::echo", "\"e" + name + "\"");
    else
      all += get_request("/x", "origin: http://h" + name + "\r\n");
    wanted.push_back((i % every == 0 ? "e" : "h") + name);
  }
  std::thread sends([&] {
    for (std::size_t at = 0; at < all.size(); at += 1500)
      if (!peer.try_send(all.substr(at, 1500))) return;
  });
  std::size_t right = 0;
  for (const auto& each : wanted)
    if (peer.read_response().body.find(each) != std::string::npos) ++right;
  CHECK(right == wanted.size());
  sends.join();
}
