// SPDX-License-Identifier: Apache-2.0
// Calls of one session beside each other: who reads for whom, and what one leaves to the next.
#include <modal/client/session_link.hpp>
#include <modal/modal.hpp>

#include "support/catch.hpp"
#include "support/framed.hpp"
#include "support/scripted_session.hpp"
#include "support/start_call.hpp"

#include <future>
#include <memory>
#include <vector>

using namespace std::chrono_literals;
using namespace modal;
using modal::detail::frame_kind;
using test::answer_to;
using test::many;
using test::scripted_connection;
using test::scripted_peer;
using test::scripted_session;
using test::start_call;
using test::total;
using test::twice;
using test::way;
using test::with_session;

TEST_CASE("session turns: a spawned call is told while a blocking one waits on",
          "[client][session_turns]") {
  for (int i = 0; i < 20; ++i) {
    scripted_peer peer;
    client to(peer.url(), with_session);
    auto slow = start_call(way::blocking, twice.on(to), 1);
    scripted_session session(peer.accept());
    session.accept();
    const auto first = session.read_call();
    auto quick = start_call(way::spawned, twice.on(to), 2);
    session.answer(session.read_call().call, 4);
    CHECK(quick.get().value() == 4);
    session.answer(first.call, 2);
    CHECK(slow.get().value() == 2);
  }
}

TEST_CASE("session turns: a spawned call is read for when those that waited have left",
          "[client][session_turns]") {
  for (int i = 0; i < 20; ++i) {
    scripted_peer peer;
    client to(peer.url(), with_session);
    auto blocking = start_call(way::blocking, twice.on(to), 1);
    scripted_session session(peer.accept());
    session.accept();
    const auto first = session.read_call();
    auto spawned = start_call(way::spawned, twice.on(to), 2);
    const auto second = session.read_call();
    session.connection.send(session.result_frame(second.call, 4) +
                            session.result_frame(first.call, 2));
    CHECK(blocking.get().value() == 2);
    CHECK(spawned.get().value() == 4);
    auto later = start_call(way::spawned, twice.on(to), 3);
    session.answer(session.read_call().call, 6);
    CHECK(later.get().value() == 6);
  }
}

TEST_CASE("session turns: a queued call has the number of one that nobody waits for any more",
          "[client][session_turns]") {
  for (const auto how : {way::blocking, way::spawned}) {
    scripted_peer peer;
    client to(peer.url(), with_session);
    auto left = start_call(how, twice.on(to).with({.timeout = 2s, .retries = 0}), 1);
    scripted_session session(peer.accept());
    session.accept(test::executor_hello(1));
    const auto head = session.read_call();
    auto queued = start_call(how, twice.on(to), 2);
    CHECK(left.get().error() == errc::deadline_exceeded);
    CHECK(session.read().kind == frame_kind::cancel);
    session.refuse(head.call, errc::cancelled, 499);
    session.answer(session.read_call().call, 4);
    CHECK(queued.get().value() == 4);
  }
}

TEST_CASE("session turns: a queued call has the number of one whose result was read into place",
          "[client][session_turns]") {
  const std::vector<int> values(100'000, 7);
  payload sent;
  output_archive archive(sent);
  archive(values);
  const auto bytes = sent.to_bytes();
  const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::vector<std::byte> result(detail::result_frame_bytes({}));
  detail::write_result_frame(result.data(), {}, {}, bytes.size());

  scripted_peer peer;
  client to(peer.url(), with_session);
  auto large = start_call(way::blocking, many.on(to), 100'000);
  scripted_session session(peer.accept());
  session.accept(test::executor_hello(1));
  const auto head = session.read_call();
  auto queued = start_call(way::blocking, twice.on(to), 2);
  session.connection.send(test::frame_of(
      {.kind = frame_kind::result, .flags = detail::frame_has_more, .call = head.call},
      std::string(reinterpret_cast<const char*>(result.data()), result.size()) +
          text.substr(0, 64)));
  const auto segment =
      test::frame_of({.kind = frame_kind::segment, .call = head.call}, text.substr(64));
  session.connection.send(segment.substr(0, detail::frame_head_bytes));
  session.connection.send(segment.substr(detail::frame_head_bytes));
  CHECK(large.get().value() == values);
  session.answer(session.read_call().call, 4);
  CHECK(queued.get().value() == 4);
}

namespace {

// The sessions of a client, without one.
struct lone_pool {
  scripted_peer peer;
  const endpoint where = parse_url(peer.url()).value();
  const client_config config;
  buffer_pool pool;
  detail::session_pool sessions{{&where, &config, &pool}};
  payload nothing;
  detail::attempt_request request{.head = {}, .own_signature = {}, .arguments = &nothing};
  const time_point now = std::chrono::steady_clock::now();
  lone_pool() { request.head.function = "f"; }
};

}  // namespace

TEST_CASE("session turns: a connection that breaks is one, however many calls wait for it",
          "[client][session_turns]") {
  lone_pool its;
  for (int i = 0; i < 2; ++i) {
    const auto link = its.sessions.take("f", 0, its.now);
    REQUIRE(link != nullptr);
    detail::session_call calls[2];
    for (auto& each : calls) REQUIRE(link->submit(each, its.request, nullptr, its.now));
    auto waits = std::async(std::launch::async, [&] { link->wait(calls[0], never); });
    {
      auto broken = its.peer.accept();
      (void)broken.read_head();
    }
    waits.get();
    for (auto& each : calls) {
      CHECK(each.how == detail::session_call::ending::broken);
      its.sessions.note_broken(*link);
    }
  }
  CHECK(its.sessions.take("f", 0, its.now) == nullptr);
}

TEST_CASE("session turns: what breaks while nobody waits is counted too",
          "[client][session_turns]") {
  lone_pool its;
  for (int i = 0; i < 2; ++i) {
    const auto link = its.sessions.take("f", 0, its.now);
    REQUIRE(link != nullptr);
    detail::session_call call;
    REQUIRE(link->submit(call, its.request, nullptr, its.now));
    auto silent = std::async(std::launch::async, [&] {
      auto made = its.peer.accept();
      (void)made.read_head();
      link->abandon(call);
      return made;
    });
    while (!link->is_over(call)) link->wait(call, std::chrono::steady_clock::now() + 10ms);
    auto kept = silent.get();
    CHECK_FALSE(link->submit(call, its.request, nullptr, its.now + 1h));
  }
  CHECK(its.sessions.take("f", 0, its.now) == nullptr);
}

TEST_CASE("session turns: a session ends with its client, though another one was refused",
          "[client][session_turns]") {
  scripted_peer peer;
  auto to = std::make_unique<client>(peer.url(), with_session);
  auto small = start_call(way::spawned, twice.on(*to), 1);
  scripted_session session(peer.accept());
  session.accept();
  session.answer(session.read_call().call, 2);
  CHECK(small.get().value() == 2);
  const std::vector<float> values(400'000, 1.F);
  auto large = start_call(way::spawned, total.on(*to), values);
  auto other = peer.accept();
  (void)other.read_head();
  other.send("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
  other.send(answer_to(other.read_request(), 7));
  CHECK(large.get().value() == 7);
  to.reset();
  CHECK(session.connection.sees_close());
}
