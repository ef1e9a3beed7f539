// SPDX-License-Identifier: Apache-2.0
#include "held_log.hpp"
#include "raw_peer.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <atomic>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

using namespace test;

TEST_CASE("server: drains when it stops", "[net][server]") {
  live_executor server;
  raw_peer running(server.self);
  raw_peer idle(server.self);
  raw_peer late(server.self);
  idle.send(get_request("/healthz"));
  CHECK(idle.read_response().status == 200);
  late.send(get_request("/healthz"));
  CHECK(late.read_response().status == 200);
  running.send(json_call("test::wait", "1"));
  REQUIRE(the_gate().wait_entered(1));
  std::thread stopper([&] { server.self.stop(); });
  for (;;) {  // new connections still learn what is going on
    raw_peer probe(server.self);
    probe.send(get_request("/readyz"));
    if (probe.read_response().status == 503) break;
  }
  late.send(json_call("test::echo", "1"));
  const auto refused = late.read_response();
  CHECK(refused.status == 503);
  CHECK_FALSE(refused.field("retry-after").empty());
  CHECK(refused.field("connection") == "close");
  the_gate().open();
  CHECK(running.read_response().status == 200);
  CHECK(running.is_closed());
  CHECK(idle.is_closed());
  stopper.join();
  CHECK(server.self.stats().connections == 0);
}

TEST_CASE("server: stops under load and loses no answer", "[net][server][stress]") {
  live_executor server;
  std::atomic<std::uint64_t> good{0};
  std::atomic<int> bad{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i)
    clients.emplace_back([&] {
      raw_peer peer(server.self);
      const std::string request = json_call("test::echo", "1");
      while (peer.try_send(request)) {
        if (peer.is_closed()) break;
        const auto answer = peer.read_response();
        if (answer.status == 200)
          ++good;
        else if (answer.status != 503)
          ++bad;
        if (answer.field("connection") == "close") break;
      }
    });
  REQUIRE(server.reaches([](const auto& s) { return s.succeeded > 200; }));
  server.self.stop();
  for (auto& each : clients) each.join();
  CHECK(bad == 0);
  CHECK(good == server.self.stats().succeeded);
}

TEST_CASE("server: ends calls that outlive the grace period", "[net][server]") {
  auto config = net_config();
  config.grace = 0ms;
  live_executor server(config);
  raw_peer peer(server.self);
  peer.send(json_call("test::wait", "1"));
  REQUIRE(the_gate().wait_entered(1));
  server.self.stop();
  CHECK(peer.read_response().status == 499);
  CHECK(peer.is_closed());
  CHECK(the_gate().stopped() == 1);
}

// As from the handler of a signal_set.
TEST_CASE("server: is stopped on the host's only thread", "[net][server]") {
  boost::asio::io_context context;
  auto config = net_config();
  config.grace = 60s;
  auto server = std::make_unique<executor>(config);
  server->start(context);
  auto work = boost::asio::make_work_guard(context);
  std::thread host([&] { context.run(); });
  raw_peer idle(*server);
  idle.send(get_request("/healthz"));
  CHECK(idle.read_response().status == 200);
  raw_peer half(*server);
  half.send(post_head("test::echo", 100) + "123");
  while (server->stats().waiting != 1) std::this_thread::yield();
  raw_peer runs(*server);
  runs.send(json_call("test::wait", "1"));
  REQUIRE(the_gate().wait_entered(1));
  std::promise<void> is_stopping;
  std::promise<void> is_stopped;
  boost::asio::post(context, [&] {
    is_stopping.set_value();
    server->stop();
    server.reset();
    is_stopped.set_value();
  });
  is_stopping.get_future().wait();
  half.send(std::string(97, '4'));  // the rest may still come
  CHECK(half.read_response().status == 200);
  the_gate().open();
  CHECK(runs.read_response().status == 200);
  CHECK(half.is_closed());
  CHECK(idle.is_closed());
  is_stopped.get_future().wait();
  work.reset();
  host.join();  // its last handlers find nothing that is gone
}

// It is the user's, and may take its time: the answer is out by then.
TEST_CASE("server: a log sink that blocks delays no answer, and nothing is touched after stop",
          "[net][server]") {
  struct shared {
    std::promise<void> entered;
    std::promise<void> release;
    std::shared_future<void> released = release.get_future().share();
    std::promise<void> left;
  };
  auto state = std::make_shared<shared>();
  auto config = net_config();
  config.stop_patience = 10ms;
  config.log_calls = true;
  config.log = [state](const log_record& record) {
    if (record.level != log_level::debug) return;
    state->entered.set_value();
    state->released.wait();
    state->left.set_value();
  };
  auto server = std::make_unique<executor>(config);
  server->start();
  raw_peer peer(*server);
  peer.send(json_call("test::echo", "1"));
  CHECK(peer.read_response().status == 200);
  state->entered.get_future().wait();
  server->stop();
  server.reset();
  state->release.set_value();
  state->left.get_future().wait();
}

TEST_CASE("server: workers that do nothing do not ignore their stop token", "[net][server]") {
  std::mutex mutex;
  std::string said;
  auto config = net_config();
  config.stop_patience = 0ms;
  config.threads = 4;
  config.log = [&](const log_record& record) {
    const std::scoped_lock lock(mutex);
    said.append(record.message).append("\n");
  };
  for (int i = 0; i < 20; ++i) {
    executor quiet(config);
    quiet.start();
    quiet.stop();
  }
  CHECK(said.find("stopped") != std::string::npos);
  CHECK(said.find("ignore") == std::string::npos);
}

TEST_CASE("server: may be stopped before a host's context has run", "[net][server]") {
  boost::asio::io_context context;
  SECTION("and the context runs later") {
    executor server{net_config()};
    server.start(context);
    server.stop();
    context.run();
  }
  SECTION("and the executor is gone then") {
    boost::asio::post(context, [&] {
      executor server{net_config()};
      server.start(context);
    });
    context.run();
  }
}

TEST_CASE("server: whoever waits for a stop may destroy the executor", "[net][server]") {
  for (int i = 0; i < 100; ++i) {
    auto server = std::make_unique<executor>(net_config());
    server->start();
    std::atomic<bool> begins{false};
    std::thread stopping([&, which = server.get()] {
      begins = true;
      which->stop();
    });
    while (!begins) std::this_thread::yield();
    server->stop();
    server.reset();
    stopping.join();
  }
}

TEST_CASE("server: one client that sends ahead leaves others their turn", "[net][server]") {
  boost::asio::io_context context;
  executor server{net_config()};
  server.start(context);
  raw_peer ahead(server);
  std::string requests;
  constexpr int count = 100;
  for (int i = 0; i < count; ++i) requests += "HEAD /healthz HTTP/1.1\r\nhost: a\r\n\r\n";
  ahead.send(requests);
  int answered = 0;
  while (answered < count) {
    REQUIRE(context.run_one_for(30s) == 1);  // one handler
    const int more = ahead.count_heads();
    CHECK(more <= 16);
    answered += more;
  }
  std::thread running([&] { context.run(); });
  server.stop();
  running.join();
}

TEST_CASE("server: a thread that is busy for long does not outlive the stop", "[net][server]") {
  held_accept_log log;
  auto config = net_config();
  config.log = log.sink();
  auto server = std::make_unique<executor>(config);
  server->start();
  log.hold(*server);
  std::thread stopping([&] { server->stop(); });
  // It waits for the end of what is being logged.
  const auto until = std::chrono::steady_clock::now() + 1500ms;
  while (std::chrono::steady_clock::now() < until) std::this_thread::yield();
  log.release();
  stopping.join();
  server.reset();
}
