// SPDX-License-Identifier: Apache-2.0
// Where there are no sessions, or a call cannot go on one.
#include <modal/client/session_attempt.hpp>
#include <modal/modal.hpp>

#include "support/catch.hpp"
#include "support/framed.hpp"
#include "support/scripted_session.hpp"
#include "support/start_call.hpp"

#include <optional>

using namespace std::chrono_literals;
using namespace modal;
using test::answer_to;
using test::scripted_connection;
using test::scripted_peer;
using test::scripted_session;
using test::start_call;
using test::twice;
using test::way;
using test::with_session;

TEST_CASE("session attempt: where there are no sessions, calls go over HTTP",
          "[client][session_attempt]") {
  for (const auto how : {way::blocking, way::spawned}) {
    for (const std::string_view refusal :
         {"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
          "HTTP/1.1 426 Upgrade Required\r\ncontent-length: 0\r\n\r\n",
          "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", "nonsense\r\n\r\n", ""}) {
      scripted_peer peer;
      client to(peer.url(), with_session);
      auto call = start_call(how, twice.on(to), 21);
      std::optional<scripted_connection> connection(peer.accept());
      (void)connection->read_head();
      connection->send(refusal);
      // An answer in the form of HTTP leaves a connection that serves as well.
      if (!refusal.starts_with("HTTP/1.1")) {
        connection.reset();
        connection.emplace(peer.accept());
      }
      connection->send(answer_to(connection->read_request(), 42));
      CHECK(call.get().value() == 42);
      if (refusal.empty()) continue;                 // which may have been an accident
      auto next = start_call(how, twice.on(to), 4);  // it does not ask again
      connection->send(answer_to(connection->read_request(), 8));
      CHECK(next.get().value() == 8);
      CHECK_FALSE(peer.has_another());
    }
  }
}

TEST_CASE("session attempt: one that is busy now is asked again later",
          "[client][session_attempt]") {
  scripted_peer peer;
  client to(peer.url(), with_session);
  auto call = start_call(way::blocking, twice.on(to).with({.retries = 0}), 21);
  auto connection = peer.accept();
  (void)connection.read_head();
  connection.send("HTTP/1.1 103 Early Hints\r\n\r\n");
  connection.send("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nbu");
  connection.send("sy");
  connection.send(answer_to(connection.read_request(), 42));
  CHECK(call.get().value() == 42);
  auto next = start_call(way::blocking, twice.on(to), 4);
  scripted_session session(peer.accept());
  session.accept();
  session.answer(session.read_call().call, 8);
  CHECK(next.get().value() == 8);
}

TEST_CASE("session attempt: a connection that ends twice instead of becoming a session",
          "[client][session_attempt]") {
  for (const auto how : {way::blocking, way::spawned}) {
    scripted_peer peer;
    client to(peer.url(), with_session);
    for (int i = 0; i < 2; ++i) {
      auto call = start_call(how, twice.on(to), 21);
      { (void)peer.accept().read_head(); }
      auto connection = peer.accept();
      connection.send(answer_to(connection.read_request(), 42));
      CHECK(call.get().value() == 42);
    }
    auto next = start_call(how, twice.on(to), 4);
    auto connection = peer.accept();
    connection.send(answer_to(connection.read_request(), 8));  // and no upgrade
    CHECK(next.get().value() == 8);
  }
}

TEST_CASE("session attempt: a name that no frame can hold ends its own call only",
          "[client][session_attempt]") {
  for (const std::size_t size : {std::size_t{0}, std::size_t{600}}) {
    scripted_peer peer;
    client to(peer.url(), with_session);
    auto other = start_call(way::blocking, twice.on(to), 21);
    scripted_session session(peer.accept());
    session.accept();
    const auto number = session.read_call().call;
    const std::string name(size, 'x');
    auto odd = start_call(way::spawned,
                          modal::remote_as<framed::twice>(name).on(to).with({.retries = 0}), 1);
    auto connection = peer.accept();
    (void)connection.read_request();
    connection.send(test::refusal(errc::unknown_function, 404));
    CHECK(odd.get().error() == errc::unknown_function);
    session.answer(number, 42);
    CHECK(other.get().value() == 42);
  }
}
