// SPDX-License-Identifier: Apache-2.0
#include <modal/client/http_attempt.hpp>
#include <modal/modal.hpp>

#include "support/catch.hpp"
#include "support/scripted_peer.hpp"
#include "support/start_call.hpp"

#include <future>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using namespace modal;
using test::answer_to;
using test::refusal;
using test::scripted_connection;
using test::scripted_peer;
using test::start_call;
using test::way;

namespace peered {
int twice(int value);
int total(const std::vector<float>& values);
}  // namespace peered

namespace {

const modal::client_config over_http{.session = false};

const auto twice = modal::remote<peered::twice>;
const auto total = modal::remote<peered::total>;

}  // namespace

TEST_CASE("http attempt: sees the answer that comes with the consent", "[client][http_attempt]") {
  for (const auto how : {way::blocking, way::spawned}) {
    scripted_peer peer;
    client to(peer.url(), over_http);
    auto call = start_call(how, twice.on(to).with({.timeout = 30s, .retries = 0}), 21);
    auto connection = peer.accept();
    const auto request = connection.read_request();
    connection.send("HTTP/1.1 100 Continue\r\n\r\n" + answer_to(request, 42));
    CHECK(call.get().value() == 42);
  }
}

TEST_CASE("http attempt: sends a large body when it is asked to", "[client][http_attempt]") {
  for (const auto how : {way::blocking, way::spawned}) {
    scripted_peer peer;
    client to(peer.url(), over_http);
    const std::vector<float> values(1 << 20);
    auto call = start_call(how, total.on(to), values);
    auto connection = peer.accept();
    const auto head = connection.read_head();
    CHECK(scripted_connection::field(head, "expect") == "100-continue");
    connection.send("HTTP/1.1 100 Continue\r\n\r\n");
    for (std::size_t left = std::stoul(scripted_connection::field(head, "content-length"));
         left > 0;) {
      const auto step = std::min<std::size_t>(left, 4096);
      REQUIRE(connection.read_some(step));
      left -= std::min(left, step);
      if (left < 4096) break;
    }
    connection.send(answer_to(head, 7));
    CHECK(call.get().value() == 7);
  }
}

TEST_CASE("http attempt: an answer before the end of the body ends the call",
          "[client][http_attempt]") {
  for (const auto how : {way::blocking, way::spawned}) {
    scripted_peer peer;
    {
      client to(peer.url(), over_http);
      auto call = start_call(how, total.on(to).with({.retries = 0}), std::vector<float>(8 << 20));
      auto connection = peer.accept();
      connection.read_head();
      connection.send("HTTP/1.1 100 Continue\r\n\r\n");
      REQUIRE(connection.read_some());  // the body is under way, and now never read again
      connection.send(refusal(errc::too_large, 413));
      CHECK(call.get().error() == errc::too_large);
      // The arguments are gone; a peer that neither reads nor closes keeps nobody.
    }
  }
}

TEST_CASE("http attempt: a refusal costs no transfer", "[client][http_attempt]") {
  for (const auto how : {way::blocking, way::spawned}) {
    scripted_peer peer;
    client to(peer.url(), over_http);
    auto call = start_call(how, total.on(to).with({.retries = 0}), std::vector<float>(8 << 20));
    auto connection = peer.accept();
    connection.read_head();
    connection.send(refusal(errc::too_large, 413));
    CHECK(call.get().error() == errc::too_large);
    CHECK(connection.sees_close());
  }
}

TEST_CASE("http attempt: keeps its deadline against a peer that trickles",
          "[client][http_attempt]") {
  for (const auto how : {way::blocking, way::spawned}) {
    scripted_peer peer;
    client to(peer.url(), over_http);
    auto call = start_call(how, twice.on(to).with({.timeout = 1s}), 1);
    auto connection = peer.accept();
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n");
    while (connection.try_send("x")) {
    }
    CHECK(call.get().error() == errc::deadline_exceeded);
  }
}

TEST_CASE("http attempt: keeps its deadline against a peer that reads slowly",
          "[client][http_attempt]") {
  for (const auto how : {way::blocking, way::spawned}) {
    scripted_peer peer;
    client to(peer.url(), over_http);
    auto call = start_call(how, total.on(to).with({.timeout = 1s}), std::vector<float>(32 << 20));
    auto connection = peer.accept();
    connection.read_head();
    connection.send("HTTP/1.1 100 Continue\r\n\r\n");
    while (connection.read_some(16)) {
      if (call.wait_for(0s) == std::future_status::ready) break;
    }
    CHECK(call.get().error() == errc::deadline_exceeded);
  }
}

TEST_CASE("http attempt: a peer that is silent keeps nobody past the deadline",
          "[client][http_attempt]") {
  for (const auto how : {way::blocking, way::spawned}) {
    scripted_peer peer;
    client to(peer.url(), over_http);
    auto call = start_call(how, twice.on(to).with({.timeout = 1s}), 1);
    auto connection = peer.accept();
    connection.read_request();
    CHECK(call.get().error() == errc::deadline_exceeded);
    CHECK(connection.sees_close());
  }
}

// What a function takes its time for is no body that stands still.
TEST_CASE("http attempt: an interim answer is not the beginning of the answer",
          "[client][http_attempt]") {
  for (const auto how : {way::blocking, way::spawned}) {
    scripted_peer peer;
    client_config patient = over_http;
    patient.limits.transfer_timeout = 50ms;
    client to(peer.url(), patient);
    auto call = start_call(how, twice.on(to), 1);
    auto connection = peer.accept();
    const auto request = connection.read_request();
    connection.send("HTTP/1.1 102 Processing\r\n\r\n");
    CHECK(call.wait_for(200ms) == std::future_status::timeout);
    connection.send(answer_to(request, 2));
    CHECK(call.get().value() == 2);
  }
}

TEST_CASE("http attempt: a timeout of nothing is over at once", "[client][http_attempt]") {
  scripted_peer peer;
  client to(peer.url(), over_http);
  for (const auto timeout : {0ms, -5ms}) {
    CHECK(twice.on(to).with({.timeout = timeout}).try_call(1).error() == errc::deadline_exceeded);
    CHECK(twice.on(to).with({.timeout = timeout}).spawn(1).try_get().error() ==
          errc::deadline_exceeded);
  }
  CHECK(!peer.has_another());
}

TEST_CASE("http attempt: a kept connection is used again", "[client][http_attempt]") {
  scripted_peer peer;
  client to(peer.url(), over_http);
  std::optional<scripted_connection> connection;
  // Each way takes over what the other has left.
  for (const auto how : {way::spawned, way::spawned, way::blocking, way::blocking, way::spawned}) {
    auto call = start_call(how, twice.on(to), 1);
    if (!connection) connection.emplace(peer.accept());
    connection->send(answer_to(connection->read_request(), 2));
    CHECK(call.get().value() == 2);
  }
  CHECK(!peer.has_another());
}

TEST_CASE("http attempt: a connection that was closed meanwhile costs no attempt",
          "[client][http_attempt]") {
  for (const auto how : {way::blocking, way::spawned}) {
    scripted_peer peer;
    client to(peer.url(), over_http);
    for (int round = 0; round < 3; ++round) {
      call_report report;
      auto call = start_call(how, twice.on(to).with({.retries = 0, .report = &report}), 1);
      auto connection = peer.accept();
      connection.send(answer_to(connection.read_request(), 2));
      CHECK(call.get().value() == 2);
      CHECK(report.attempts == 1);
    }
  }
}

TEST_CASE("http attempt: an answer that nobody asked for spoils its connection",
          "[client][http_attempt]") {
  for (const auto how : {way::blocking, way::spawned}) {
    scripted_peer peer;
    client to(peer.url(), over_http);
    auto first = start_call(how, twice.on(to).with({.retries = 0}), 1);
    auto connection = peer.accept();
    const auto request = connection.read_request();
    connection.send(answer_to(request, 2));
    CHECK(first.get().value() == 2);
    connection.send(answer_to(request, 3));
    auto second = start_call(how, twice.on(to).with({.retries = 0}), 4);
    auto other = peer.accept();
    other.send(answer_to(other.read_request(), 8));
    CHECK(second.get().value() == 8);
  }
}

TEST_CASE("http attempt: repeats a lost call only where that is allowed",
          "[client][http_attempt]") {
  for (const auto how : {way::blocking, way::spawned}) {
    scripted_peer peer;
    client to(peer.url(), over_http);
    auto lost = start_call(how, twice.on(to).with({.retry_delay = 1ms}), 1);
    {
      auto connection = peer.accept();
      CHECK(scripted_connection::field(connection.read_request(), "modal-on-lost").empty());
    }
    CHECK(lost.get().error() == errc::connection_lost);

    auto repeated =
        start_call(how, twice.on(to).with({.retry_delay = 1ms, .lost = on_lost::repeat}), 1);
    std::string first;
    {
      auto connection = peer.accept();
      first = connection.read_request();
    }
    auto connection = peer.accept();
    const auto again = connection.read_request();
    CHECK(scripted_connection::field(first, "modal-on-lost") == "repeat");
    CHECK(scripted_connection::field(again, "modal-on-lost") == "repeat");
    CHECK(scripted_connection::field(first, "modal-attempt") == "1");
    CHECK(scripted_connection::field(again, "modal-attempt") == "2");
    CHECK(scripted_connection::field(first, "modal-call-id") ==
          scripted_connection::field(again, "modal-call-id"));
    connection.send(answer_to(again, 2));
    CHECK(repeated.get().value() == 2);
  }
}

TEST_CASE("http attempt: retries what a proxy says is for later", "[client][http_attempt]") {
  for (const auto how : {way::blocking, way::spawned}) {
    scripted_peer peer;
    client to(peer.url(), over_http);
    auto call = start_call(how, twice.on(to).with({.retry_delay = 1ms}), 1);
    auto connection = peer.accept();
    connection.read_request();
    connection.send(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/html\r\n"
        "content-length: 13\r\n\r\n<html></html>");
    connection.send(answer_to(connection.read_request(), 2));
    CHECK(call.get().value() == 2);
  }
}

TEST_CASE("http attempt: cut at any byte, the answer is lost and nothing else",
          "[client][http_attempt]") {
  scripted_peer peer;
  client to(peer.url(), over_http);
  const auto whole = answer_to("\r\nmodal-call-id: " + std::string(32, 'a') + "\r\n", 2).size();
  for (std::size_t cut = 0; cut < whole; cut += 7) {
    const auto how = cut % 2 == 0 ? way::blocking : way::spawned;
    auto call = start_call(how, twice.on(to).with({.retries = 0}), 1);
    {
      auto connection = peer.accept();
      connection.send(answer_to(connection.read_request(), 2).substr(0, cut));
    }
    CHECK(call.get().error() == errc::connection_lost);
  }
}

TEST_CASE("http attempt: gives up to connect in time", "[client][http_attempt]") {
  scripted_peer full(0);
  // Nobody accepts: what fills the queue keeps further connections from being made.
  std::vector<std::unique_ptr<detail::stream>> waiting;
  detail::lookup name("127.0.0.1", std::to_string(full.port()));
  const auto where = name.take().value().at(0);
  for (int i = 0; i < 4; ++i)
    waiting.push_back(std::make_unique<detail::stream>(detail::start_connect(where).socket));
  for (const auto how : {way::blocking, way::spawned}) {
    client to(full.url(), {.session = false, .connect_timeout = 50ms});
    auto call = start_call(how, twice.on(to).with({.retries = 0}), 1);
    const auto failure = call.get().error();
    CHECK(failure == errc::connect_failed);
    CHECK_THAT(failure.message(), test::contains("connect_timeout"));
    client patient(full.url(), over_http);
    auto late = start_call(how, twice.on(patient).with({.timeout = 10ms, .retries = 0}), 1);
    CHECK(late.get().error() == errc::deadline_exceeded);
  }
}

TEST_CASE("http attempt: to nobody fails as connect_failed", "[client][http_attempt]") {
  for (const auto* url : {"http://127.0.0.1:1", "http+unix:///nowhere.sock"}) {
    client to(url, over_http);
    for (const auto how : {way::blocking, way::spawned})
      CHECK(start_call(how, twice.on(to).with({.retries = 0}), 1).get().error() ==
            errc::connect_failed);
  }
}

TEST_CASE("http attempt: options that cannot work are refused before anything is sent",
          "[client][http_attempt]") {
  scripted_peer peer;
  client to(peer.url(), over_http);
  const auto wrong = twice.on(to).with({.traceparent = "x\r\nmodal-require: y"});
  CHECK(wrong.try_call(1).error() == errc::bad_configuration);
  CHECK_THROWS_AS(wrong.spawn(1), call_error);
  CHECK(!peer.has_another());
}

TEST_CASE("client: ends its calls when it goes, whatever their peer does",
          "[client][http_attempt]") {
  scripted_peer peer;
  std::vector<call_handle<int>> calls;
  std::optional<scripted_connection> silent;
  {
    client to(peer.url(), over_http);
    calls.push_back(twice.on(to).spawn(1));
    silent.emplace(peer.accept());
    silent->read_request();
    calls.push_back(total.on(to).spawn(std::vector<float>(16 << 20)));
    for (int i = 0; i < 20; ++i) calls.push_back(twice.on(to).spawn(i));
  }
  for (auto& call : calls) CHECK(call.try_get().error() == errc::cancelled);
}

TEST_CASE("http attempt: waits as long as it is told that its call is not forgotten",
          "[client][http_attempt]") {
  for (const auto how : {way::blocking, way::spawned}) {
    scripted_peer peer;
    client to(peer.url(), over_http);
    auto call = start_call(how, twice.on(to).with({.timeout = 60s, .retries = 0}), 21);
    auto connection = peer.accept();
    const auto request = connection.read_request();
    for (int i = 0; i < 1000; ++i) connection.send("HTTP/1.1 102 Processing\r\n\r\n");
    connection.send(answer_to(request, 42));
    CHECK(call.get().value() == 42);
  }
}

TEST_CASE("http attempt: one answer that keeps coming leaves the others their deadlines",
          "[client][http_attempt]") {
  scripted_peer peer;
  client to(peer.url(), over_http);
  const auto endless = twice.on(to).with({.timeout = 60s, .retries = 0}).spawn(1);
  auto connection = peer.accept();
  const auto request = connection.read_request();
  // Chunks of one byte, of which it would take a long time until they are too many.
  std::string chunks;
  for (int i = 0; i < 300; ++i) chunks += "1;" + std::string(4000, 'x') + "\r\na\r\n";
  std::thread flood([&] {
    connection.try_send(
        "HTTP/1.1 200 OK\r\ncontent-type: application/vnd.modal.call\r\n"
        "modal-call-id: " +
        scripted_connection::field(request, "modal-call-id") +
        "\r\ntransfer-encoding: chunked\r\n\r\n");
    while (connection.try_send(chunks)) {
    }
  });
  const auto other = twice.on(to).with({.timeout = 200ms, .retries = 0}).spawn(1);
  CHECK(other.try_get().error() == errc::deadline_exceeded);
  CHECK_FALSE(endless.wait_for(0s));
  endless.cancel();
  CHECK(endless.try_get().error() == errc::cancelled);
  flood.join();
}
