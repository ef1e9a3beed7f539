// SPDX-License-Identifier: Apache-2.0
// Calls on sessions, with executors that a test plays.
#include <modal/asio.hpp>
#include <modal/client/session_attempt.hpp>
#include <modal/modal.hpp>

#include "support/catch.hpp"
#include "support/framed.hpp"
#include "support/scripted_session.hpp"
#include "support/start_call.hpp"

#include <future>
#include <numeric>
#include <vector>

using namespace std::chrono_literals;
using namespace modal;
using modal::detail::frame_kind;
using test::answer_to;
using test::frame_of;
using test::many;
using test::scripted_peer;
using test::scripted_session;
using test::start_call;
using test::total;
using test::twice;
using test::way;
using test::with_session;

TEST_CASE("session attempt: a function has a name once, and then a number",
          "[client][session_attempt]") {
  for (const auto how : {way::blocking, way::spawned}) {
    scripted_peer peer;
    client to(peer.url(), with_session);
    auto first = start_call(how, twice.on(to), 21);
    scripted_session session(peer.accept());
    session.accept();
    auto head = session.read_call();
    CHECK(session.call.head.function == "framed::twice");
    CHECK(session.call.head.signature == twice.signature().id);
    session.answer(head.call, 42, 7);
    CHECK(first.get().value() == 42);
    auto second = start_call(how, twice.on(to), 4);
    head = session.read_call();
    CHECK(session.call.head.function.empty());
    CHECK(head.value == 7);
    session.answer(head.call, 8, 7);
    CHECK(second.get().value() == 8);
    CHECK_FALSE(peer.has_another());
  }
}

TEST_CASE("session attempt: many calls share a connection, and are answered in any order",
          "[client][session_attempt]") {
  for (const auto how : {way::blocking, way::spawned}) {
    scripted_peer peer;
    client to(peer.url(), with_session);
    std::vector<std::future<result<int>>> calls;
    for (int i = 0; i < 5; ++i) calls.push_back(start_call(how, twice.on(to), i));
    scripted_session session(peer.accept());
    session.accept();
    std::vector<std::pair<std::uint32_t, int>> seen;
    for (int i = 0; i < 5; ++i) {
      const auto head = session.read_call();
      int value = 0;
      std::memcpy(&value, session.body.data() + session.call.payload_at + 16, sizeof value);
      seen.emplace_back(head.call, value);
    }
    for (auto each = seen.rbegin(); each != seen.rend(); ++each)
      session.answer(each->first, 2 * each->second, 1);
    for (int i = 0; i < 5; ++i) CHECK(calls[static_cast<std::size_t>(i)].get().value() == 2 * i);
    CHECK_FALSE(peer.has_another());
  }
}

TEST_CASE("session attempt: an error is that of its call", "[client][session_attempt]") {
  for (const auto how : {way::blocking, way::spawned}) {
    scripted_peer peer;
    client to(peer.url(), with_session);
    auto call = start_call(how, twice.on(to).with({.retries = 0}), 21);
    scripted_session session(peer.accept());
    session.accept();
    session.refuse(session.read_call().call, errc::queue_full, 503);
    const auto refused = call.get();
    CHECK(refused.error() == errc::queue_full);
    CHECK(refused.error().details().function == "framed::twice");
    auto next = start_call(how, twice.on(to), 4);
    session.answer(session.read_call().call, 8);
    CHECK(next.get().value() == 8);
  }
}

TEST_CASE("session attempt: large arguments go as there is credit", "[client][session_attempt]") {
  for (const auto how : {way::blocking, way::spawned}) {
    scripted_peer peer;
    client to(peer.url(), with_session);
    const std::vector<float> values(100'000, 1.F);
    auto call = start_call(how, total.on(to), values);
    scripted_session session(peer.accept());
    session.accept();
    const auto head = session.read_call();
    CHECK((head.flags & modal::detail::frame_has_more) != 0);
    std::size_t come = session.body.size() - session.call.payload_at;
    while (come < session.call.size) {
      session.connection.send(
          frame_of({.kind = frame_kind::credit, .call = head.call, .value = 50'000}));
      for (std::size_t some = 0; some < 50'000 && come < session.call.size;) {
        CHECK(session.read().kind == frame_kind::segment);
        some += session.body.size();
        come += session.body.size();
        CHECK(some <= 50'000);
      }
    }
    CHECK(come == session.call.size);
    session.answer(head.call, 7);
    CHECK(call.get().value() == 7);
  }
}

TEST_CASE("session attempt: a refusal ends large arguments", "[client][session_attempt]") {
  for (const auto how : {way::blocking, way::spawned}) {
    scripted_peer peer;
    client to(peer.url(), with_session);
    const std::vector<float> values(100'000, 1.F);
    auto call = start_call(how, total.on(to).with({.retries = 0}), values);
    scripted_session session(peer.accept());
    session.accept();
    const auto head = session.read_call();
    session.refuse(head.call, errc::too_large, 413);
    CHECK(call.get().error() == errc::too_large);
    const auto last = session.read();
    CHECK(last.kind == frame_kind::cancel);
    CHECK(last.call == head.call);
  }
}

TEST_CASE("session attempt: a large result comes in segments", "[client][session_attempt]") {
  for (const auto how : {way::blocking, way::spawned}) {
    scripted_peer peer;
    client to(peer.url(), with_session);
    auto call = start_call(how, many.on(to), 500'000);
    scripted_session session(peer.accept());
    session.accept();
    const auto head = session.read_call();
    std::vector<int> values(500'000);
    std::iota(values.begin(), values.end(), 0);
    modal::payload sent;
    modal::output_archive archive(sent);
    archive(values);
    const auto bytes = sent.to_bytes();
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    std::vector<std::byte> result(modal::detail::result_frame_bytes({}));
    modal::detail::write_result_frame(result.data(), {}, {}, bytes.size());
    session.connection.send(frame_of(
        {.kind = frame_kind::result, .flags = modal::detail::frame_has_more, .call = head.call},
        std::string(reinterpret_cast<const char*>(result.data()), result.size()) +
            std::string(text.substr(0, 1000))));
    std::uint64_t credit = 1 << 20;
    for (std::size_t at = 1000; at < text.size();) {
      const std::size_t size = std::min<std::size_t>({text.size() - at, 65'536, credit});
      if (size == 0) {
        const auto more = session.read();
        CHECK(more.kind == frame_kind::credit);
        credit += more.value;
        continue;
      }
      session.connection.send(
          frame_of({.kind = frame_kind::segment, .call = head.call}, text.substr(at, size)));
      at += size;
      credit -= size;
    }
    CHECK(call.get().value() == values);
  }
}

TEST_CASE("session attempt: what was not looked at goes to the next session",
          "[client][session_attempt]") {
  for (const auto how : {way::blocking, way::spawned}) {
    scripted_peer peer;
    client to(peer.url(), with_session);
    auto call = start_call(how, twice.on(to).with({.retries = 0}), 21);
    scripted_session first(peer.accept());
    first.accept();
    (void)first.read_call();
    first.go_away(0);
    scripted_session second(peer.accept());
    second.accept();
    second.answer(second.read_call().call, 42);
    CHECK(call.get().value() == 42);
  }
}

TEST_CASE("session attempt: what may have run is repeated only where that is wanted",
          "[client][session_attempt]") {
  for (const auto how : {way::blocking, way::spawned}) {
    for (const auto lost : {on_lost::fail, on_lost::repeat}) {
      scripted_peer peer;
      client to(peer.url(), with_session);
      auto call =
          start_call(how, twice.on(to).with({.retries = 1, .retry_delay = 1ms, .lost = lost}), 21);
      call_id id;
      {
        scripted_session first(peer.accept());
        first.accept();
        (void)first.read_call();
        id = first.call.head.id;
      }
      if (lost == on_lost::fail) {
        CHECK(call.get().error() == errc::connection_lost);
        continue;
      }
      scripted_session second(peer.accept());
      second.accept();
      const auto head = second.read_call();
      CHECK(second.call.head.id == id);
      CHECK(second.call.head.attempt == 2);
      CHECK(second.call.head.repeats);
      second.answer(head.call, 42);
      CHECK(call.get().value() == 42);
    }
  }
}

TEST_CASE("session attempt: who waits no longer says so", "[client][session_attempt]") {
  for (const auto how : {way::blocking, way::spawned}) {
    scripted_peer peer;
    client to(peer.url(), with_session);
    auto call = start_call(how, twice.on(to).with({.timeout = 2s, .retries = 0}), 21);
    scripted_session session(peer.accept());
    session.accept();
    const auto head = session.read_call();
    CHECK(call.get().error() == errc::deadline_exceeded);
    const auto cancel = session.read();
    CHECK(cancel.kind == frame_kind::cancel);
    CHECK(cancel.call == head.call);
    auto next = start_call(how, twice.on(to), 4);
    const auto other = session.read_call();
    CHECK(other.call != head.call);  // which has no answer yet
    session.answer(head.call, 1);
    session.answer(other.call, 8);
    CHECK(next.get().value() == 8);
  }
}

TEST_CASE("session attempt: nonsense ends the session, and says what it was",
          "[client][session_attempt]") {
  for (const auto how : {way::blocking, way::spawned}) {
    scripted_peer peer;
    client to(peer.url(), with_session);
    auto call = start_call(how, twice.on(to).with({.retries = 0}), 21);
    scripted_session session(peer.accept());
    session.accept();
    (void)session.read_call();
    session.answer(5, 1);
    const auto failed = call.get();
    CHECK(failed.error() == errc::bad_response);
    CHECK(failed.error().details().message.find("a result of no call") != std::string::npos);
    CHECK(session.connection.sees_close());
  }
}

TEST_CASE("session attempt: no more calls are sent than the executor takes",
          "[client][session_attempt]") {
  for (const auto how : {way::blocking, way::spawned}) {
    scripted_peer peer;
    client to(peer.url(), with_session);
    std::vector<std::future<result<int>>> calls;
    for (int i = 0; i < 3; ++i) calls.push_back(start_call(how, twice.on(to), 1));
    scripted_session session(peer.accept());
    session.accept(test::executor_hello(1));
    for (int i = 0; i < 3; ++i) {
      const auto head = session.read_call();
      CHECK(head.call == 0);
      session.answer(head.call, 2);
    }
    for (auto& each : calls) CHECK(each.get().value() == 2);
  }
}

TEST_CASE("session attempt: a leader that leaves hands the reading on",
          "[client][session_attempt]") {
  scripted_peer peer;
  client to(peer.url(), with_session);
  auto impatient = start_call(way::blocking, twice.on(to).with({.timeout = 2s, .retries = 0}), 1);
  scripted_session session(peer.accept());
  session.accept();
  (void)session.read_call();
  std::vector<std::future<result<int>>> patient;
  for (int i = 0; i < 3; ++i) patient.push_back(start_call(way::blocking, twice.on(to), 2));
  patient.push_back(start_call(way::spawned, twice.on(to), 2));
  std::vector<std::uint32_t> numbers;
  for (int i = 0; i < 4; ++i) numbers.push_back(session.read_call().call);
  CHECK(impatient.get().error() == errc::deadline_exceeded);
  for (const auto each : numbers) session.answer(each, 4);
  for (auto& each : patient) CHECK(each.get().value() == 4);
}

TEST_CASE("session attempt: calls that run end with their client, in a handler too",
          "[client][session_attempt]") {
  scripted_peer peer;
  auto owned = std::make_shared<client>(peer.url(), with_session);
  client& to = *owned;
  const auto function = twice.on(to).with({.retries = 0});
  std::promise<void> done;
  modal::async(function, 1, [&, owned = std::move(owned)](result<int>) mutable {
    owned.reset();
    done.set_value();
  });
  const auto waits = function.spawn(2);
  scripted_session session(peer.accept());
  session.accept();
  const auto first = session.read_call();
  (void)session.read_call();
  session.answer(first.call, 2);
  done.get_future().get();
  CHECK(waits.try_get().error() == errc::cancelled);
  CHECK(session.connection.sees_close());
}

TEST_CASE("session attempt: a call that is waited for does not wait for a handler",
          "[client][session_attempt]") {
  scripted_peer peer;
  client to(peer.url(), with_session);
  std::promise<void> may_end;
  std::promise<void> in_handler;
  std::promise<int> handled;
  modal::async(twice.on(to), 1, [&](result<int> first) {
    in_handler.set_value();
    may_end.get_future().get();
    handled.set_value(first.value());
  });
  scripted_session session(peer.accept());
  session.accept();
  session.answer(session.read_call().call, 2);
  in_handler.get_future().get();  // the client's own thread is in there
  auto waits = start_call(way::blocking, twice.on(to), 4);
  session.answer(session.read_call().call, 8);
  CHECK(waits.get().value() == 8);
  may_end.set_value();
  CHECK(handled.get_future().get() == 2);
}

TEST_CASE("session attempt: a session that has ended unseen is not used",
          "[client][session_attempt]") {
  scripted_peer peer;
  client to(peer.url(), with_session);
  {
    auto left = start_call(way::blocking, twice.on(to).with({.timeout = 2s, .retries = 0}), 21);
    scripted_session session(peer.accept());
    session.accept();
    (void)session.read_call();
    CHECK(left.get().error() == errc::deadline_exceeded);
    CHECK(session.read().kind == frame_kind::cancel);
  }  // and nobody reads of it that it ends
  auto next = start_call(way::blocking, twice.on(to).with({.retries = 0}), 4);
  scripted_session session(peer.accept());
  session.accept();
  session.answer(session.read_call().call, 8);
  CHECK(next.get().value() == 8);
}
