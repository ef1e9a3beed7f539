// SPDX-License-Identifier: Apache-2.0
// Sessions that an executor on the same host offers a Unix socket.
#include <modal/client/session_link.hpp>
#include <modal/modal.hpp>

#include "support/catch.hpp"
#include "support/framed.hpp"
#include "support/scripted_session.hpp"
#include "support/start_call.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <unistd.h>

using namespace modal;
using namespace std::chrono_literals;
using test::executor_hello;
using test::scripted_peer;
using test::scripted_session;
using test::start_call;
using test::twice;
using test::way;

namespace {

std::string new_name() {
  static int count = 0;
  return "modal-test-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
}

detail::session_hello hello_with(const std::string& name, const std::string& token) {
  auto hello = executor_hello();
  hello.local_name = name;
  hello.local_token = token;
  return hello;
}

// An executor by TCP, to which one call was made, and which has offered that.
struct offering {
  offering(way made, const std::string& name, bool takes_it = true)
      : how(made), to(peer.url(), {.local = takes_it}) {
    auto first = start_call(how, twice.on(to), 1);
    session.emplace(peer.accept());
    session->accept(hello_with(name, "secret"));
    session->answer(session->read_call().call, 2);
    CHECK(first.get().value() == 2);
  }
  way how;
  scripted_peer peer;
  client to;
  std::optional<scripted_session> session;
};

}  // namespace

TEST_CASE("session local: moves to the socket that was offered", "[client][session_local]") {
  for (const auto how : {way::blocking, way::spawned}) {
    const auto name = new_name();
    scripted_peer local(name);
    offering it(how, name);
    call_report report;
    auto second = start_call(how, twice.on(it.to).with({.report = &report}), 2);
    scripted_session moved(local.accept());
    moved.accept(hello_with({}, "secret"));
    moved.answer(moved.read_call().call, 4);
    CHECK(second.get().value() == 4);
    CHECK(report.path == path_kind::session_unix);
    CHECK(it.session->connection.sees_close());
    auto third = start_call(how, twice.on(it.to), 3);
    moved.answer(moved.read_call().call, 6);
    CHECK(third.get().value() == 6);
  }
}

TEST_CASE("session local: is asked for again when the executor has gone",
          "[client][session_local]") {
  for (const auto how : {way::blocking, way::spawned}) {
    const auto name = new_name();
    scripted_peer local(name);
    offering it(how, name);
    auto second = start_call(how, twice.on(it.to), 2);
    scripted_session moved(local.accept());
    moved.accept(hello_with({}, "secret"));
    moved.answer(moved.read_call().call, 4);
    CHECK(second.get().value() == 4);
    moved.go_away(1);
    // Whoever listens there now may have been told the secret, as any caller is.
    auto third = start_call(how, twice.on(it.to), 3);
    scripted_session anew(it.peer.accept());
    anew.accept(hello_with(name, "secret"));
    anew.answer(anew.read_call().call, 6);
    CHECK(third.get().value() == 6);
    CHECK_FALSE(local.has_another());
  }
}

TEST_CASE("session local: the old session goes on until its last call has ended",
          "[client][session_local]") {
  const auto name = new_name();
  scripted_peer local(name);
  scripted_peer peer;
  client to(peer.url());
  auto slow = start_call(way::blocking, twice.on(to), 1);
  scripted_session session(peer.accept());
  session.accept(hello_with(name, "secret"));
  const auto head = session.read_call();
  auto second = start_call(way::blocking, twice.on(to), 2);
  scripted_session moved(local.accept());
  moved.accept(hello_with({}, "secret"));
  moved.answer(moved.read_call().call, 4);
  CHECK(second.get().value() == 4);
  session.answer(head.call, 2);
  CHECK(slow.get().value() == 2);
  CHECK(session.connection.sees_close());
}

TEST_CASE("session local: what is not there, or is another one's, is not used",
          "[client][session_local]") {
  for (const auto how : {way::blocking, way::spawned}) {
    for (const bool is_there : {false, true}) {
      const auto name = new_name();
      std::optional<scripted_peer> local;
      if (is_there) local.emplace(name);
      offering it(how, name);
      call_report report;
      auto second = start_call(how, twice.on(it.to).with({.retries = 0, .report = &report}), 2);
      if (is_there) {
        scripted_session wrong(local->accept());
        wrong.accept(hello_with({}, "another"));
        CHECK(wrong.connection.sees_close());
      }
      scripted_session again(it.peer.accept());
      again.accept(hello_with(name, "secret"));
      again.answer(again.read_call().call, 4);
      CHECK(second.get().value() == 4);
      CHECK(report.path == path_kind::session);
      // It is not tried again.
      auto third = start_call(how, twice.on(it.to), 3);
      again.answer(again.read_call().call, 6);
      CHECK(third.get().value() == 6);
      CHECK_FALSE(it.peer.has_another());
    }
  }
}

TEST_CASE("session local: is not used where it is not wanted", "[client][session_local]") {
  const auto name = new_name();
  scripted_peer local(name);
  offering it(way::blocking, name, false);
  auto second = start_call(way::blocking, twice.on(it.to), 2);
  it.session->answer(it.session->read_call().call, 4);
  CHECK(second.get().value() == 4);
  CHECK_FALSE(local.has_another());
}

TEST_CASE("session local: one that says nothing holds up no calls for long",
          "[client][session_local]") {
  const auto name = new_name();
  scripted_peer local(name);  // takes connections, and nothing more
  scripted_peer peer;
  client to(peer.url(), {.connect_timeout = std::chrono::minutes(5)});
  auto first = start_call(way::blocking, twice.on(to), 1);
  scripted_session session(peer.accept());
  session.accept(hello_with(name, "secret"));
  session.answer(session.read_call().call, 2);
  CHECK(first.get().value() == 2);
  auto second = start_call(way::blocking, twice.on(to).with({.timeout = 30s}), 2);
  scripted_session anew(peer.accept());
  anew.accept(hello_with(name, "secret"));
  anew.answer(anew.read_call().call, 4);
  CHECK(second.get().value() == 4);
}

TEST_CASE("session local: offers of several executors, none of which is there, are soon ignored",
          "[client][session_local]") {
  scripted_peer peer;
  client to(peer.url());
  std::optional<scripted_session> now;
  int sessions = 0;
  const auto accept = [&] {
    now.emplace(peer.accept());
    now->accept(hello_with(new_name(), "secret" + std::to_string(sessions++)));
  };
  for (int i = 0; i < 6; ++i) {
    auto call = start_call(way::blocking, twice.on(to), i);
    if (sessions < 3) accept();  // each offer is tried by the next call, in vain
    now->answer(now->read_call().call, 2 * i);
    CHECK(call.get().value() == 2 * i);
  }
  CHECK_FALSE(peer.has_another());
}
