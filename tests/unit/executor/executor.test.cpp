// SPDX-License-Identifier: Apache-2.0
#include <modal/executor/executor.hpp>

#include "unit/dispatch/fake_calls.hpp"

#include <nlohmann/json.hpp>

#include <atomic>
#include <csignal>
#include <thread>

using namespace test;

namespace {

const catalog& served() {
  static const catalog made = some_functions();
  return made;
}

executor_config mounted_config() {
  the_gate().reset();
  return {.address = "", .threads = 1, .log = [](const log_record&) {}, .functions = &served()};
}

http_request json_call(const std::string& function, std::string body) {
  return {.method = "POST",
          .target = call_path(function),
          .headers = {{"Content-Type", "application/json"}},
          .body = std::move(body)};
}

errc thrown_by(const executor_config& config) {
  try {
    const executor made{config};
  } catch (const call_error& thrown) {
    return thrown.reason().value();
  }
  return errc{};
}

}  // namespace

TEST_CASE("executor: refuses settings that cannot work", "[executor]") {
  const auto with = [](auto change) {
    executor_config config = mounted_config();
    change(config);
    return thrown_by(config);
  };
  CHECK(with([](auto&) {}) == errc{});
  CHECK(with([](auto& c) { c.io_threads = 0; }) == errc::bad_configuration);
  CHECK(with([](auto& c) { c.grace = -1ms; }) == errc::bad_configuration);
  CHECK(with([](auto& c) { c.stop_patience = -1ms; }) == errc::bad_configuration);
  CHECK(with([](auto& c) { c.device_patience = -1ms; }) == errc::bad_configuration);
  CHECK(with([](auto& c) { c.host_devices = 65; }) == errc::bad_configuration);
  CHECK(with([](auto& c) { c.host_device_memory = 0; }) == errc::bad_configuration);
  CHECK(with([](auto& c) { c.limits.header_bytes = 100; }) == errc::bad_configuration);
  CHECK(with([](auto& c) { c.limits.connections = 0; }) == errc::bad_configuration);
  CHECK(with([](auto& c) { c.limits.remembered_calls = SIZE_MAX; }) == errc::bad_configuration);
  CHECK(with([](auto& c) { c.limits.call_timeout = 0ms; }) == errc::bad_configuration);
}

TEST_CASE("executor: refuses two functions of one name", "[executor]") {
  executor made{mounted_config()};
  CHECK_THROWS_AS(made.add(describe<functions::echo>("test::echo")), call_error);
  made.add(describe<functions::echo>("test::other"));
  made.start();
  CHECK_THROWS_AS(made.add(describe<functions::echo>("test::late")), call_error);
  CHECK_THROWS_AS(made.start(), call_error);
  CHECK(made.handle(json_call("test::other", "1")).status == 200);
}

TEST_CASE("executor: says what it serves", "[executor]") {
  std::mutex mutex;
  std::vector<std::string> lines;
  auto config = mounted_config();
  config.log = [&](const log_record& record) {
    const std::scoped_lock lock(mutex);
    lines.push_back(to_text(record));
  };
  executor made{config};
  made.start();
  REQUIRE_FALSE(lines.empty());
  CHECK_THAT(lines[0], contains("test::echo"));
}

TEST_CASE("executor: handles a request of the host's server", "[executor][mount]") {
  executor made{mounted_config()};
  made.start();
  CHECK(made.url().empty());
  CHECK(made.port() == 0);
  const auto answer = made.handle(json_call("test::echo", "[1,2]"));
  CHECK(answer.status == 200);
  CHECK(answer.header("CONTENT-TYPE") == "application/json");
  CHECK(answer.header("modal-call-id").size() == 32);
  CHECK(nlohmann::json::parse(answer.body)["result"] == nlohmann::json({1, 2}));
  CHECK(made.stats().succeeded == 1);
}

TEST_CASE("executor: answers binary calls of the host's server", "[executor][mount]") {
  executor made{mounted_config()};
  made.start();
  auto request = json_call("test::echo", "xyz");
  request.headers = {{"content-type", "application/vnd.modal.call"},
                     {"modal-signature", bytes_signature().id.to_string()}};
  const auto answer = made.handle(request);
  CHECK(answer.status == 200);
  REQUIRE(answer.body.size() == payload_head_bytes + 3);
  CHECK(answer.body.substr(payload_head_bytes) == "xyz");
}

TEST_CASE("executor: leaves other routes to the host", "[executor][mount]") {
  executor made{mounted_config()};
  made.start();
  CHECK_FALSE(made.serves("/index.html"));
  CHECK(made.serves("/v1/functions"));
  CHECK(made.handle({.method = "GET", .target = "/index.html", .headers = {}, .body = {}}).status ==
        404);
  const auto head =
      made.handle({.method = "HEAD", .target = "/healthz", .headers = {}, .body = {}});
  CHECK(head.status == 200);
  CHECK(head.body.empty());
}

TEST_CASE("executor: lets the host ask before it reads a body", "[executor][mount]") {
  auto config = mounted_config();
  config.limits.body_bytes = 100;
  executor made{config};
  made.start();
  http_request_head head{
      .method = "POST",
      .target = call_path("test::echo"),
      .headers = {{"content-type", "application/json"}, {"content-length", "100"}}};
  CHECK_FALSE(made.check(head));
  head.headers[1].second = "101";
  REQUIRE(made.check(head));
  CHECK(made.check(head)->status == 413);
  head.headers[1] = {"transfer-encoding", "chunked"};
  CHECK_FALSE(made.check(head));
  head.headers.pop_back();
  CHECK(made.check(head)->status == 411);
  CHECK(made.stats().admitted == 0);
}

TEST_CASE("executor: cancels a mounted call when the host says so", "[executor][mount]") {
  executor made{mounted_config()};
  made.start();
  std::promise<http_response> promise;
  auto call = made.async_handle(json_call("test::wait", "1"), [&](http_response answer) {
    promise.set_value(std::move(answer));
  });
  REQUIRE(the_gate().wait_entered(1));
  call.cancel();
  call.cancel();
  auto future = promise.get_future();
  REQUIRE(future.wait_for(30s) == std::future_status::ready);
  CHECK(future.get().status == 499);
  REQUIRE(the_gate().wait_left(1));
  CHECK(the_gate().stopped() == 1);
  made.stop();
  call.cancel();
}

TEST_CASE("executor: refuses mounted calls after stop", "[executor][mount]") {
  executor made{mounted_config()};
  made.start();
  made.stop();
  made.stop();
  const auto answer = made.handle(json_call("test::echo", "1"));
  CHECK(answer.status == 503);
  CHECK_FALSE(answer.header("retry-after").empty());
}

TEST_CASE("executor: must be started before it handles requests", "[executor][mount]") {
  executor made{mounted_config()};
  CHECK_THROWS_AS(made.handle(json_call("test::echo", "1")), call_error);
  CHECK(made.stats().admitted == 0);
}

TEST_CASE("executor: runs until it is stopped", "[executor]") {
  executor made{mounted_config()};
  made.start();
  std::thread runner([&] { made.run(); });
  CHECK(made.handle(json_call("test::echo", "1")).status == 200);
  made.stop();
  runner.join();
  made.run();  // returns at once
}

TEST_CASE("executor: drains when it is asked to terminate", "[executor]") {
  the_gate().reset();
  executor made{mounted_config()};
  made.start();
  const auto before = std::signal(SIGTERM, SIG_IGN);
  std::thread runner([&] { made.run(); });
  const auto is_installed = [] {
    struct sigaction now {};
    return ::sigaction(SIGTERM, nullptr, &now) == 0 && now.sa_handler != SIG_IGN;
  };
  while (!is_installed()) std::this_thread::yield();
  std::raise(SIGTERM);
  runner.join();
  std::signal(SIGTERM, before);
  CHECK(made.handle(json_call("test::echo", "1")).status == 503);
}
