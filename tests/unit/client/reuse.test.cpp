// SPDX-License-Identifier: Apache-2.0
#include <modal/asio.hpp>
#include <modal/modal.hpp>
#include <modal/wire/http_call.hpp>

#include "support/catch.hpp"
#include "support/scripted_peer.hpp"

#include <future>
#include <optional>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using namespace modal;
using test::answer_to;
using test::refusal;
using test::scripted_connection;
using test::scripted_peer;

namespace reused {
int twice(int value);
std::vector<float> many(int count);
}  // namespace reused

namespace {

const modal::client_config over_http{.session = false};

const auto twice = modal::remote<reused::twice>;
const auto many = modal::remote<reused::many>;

/// Holds the client's background thread, in the handler of a call that is over at once.
class held_reactor {
 public:
  explicit held_reactor(client& of) {
    modal::async(twice.on(of).with({.timeout = 0ms}), 1, [this](result<int>) {
      entered_.set_value();
      release_.get_future().wait();
      left_.set_value();
    });
    entered_.get_future().wait();
  }
  void release() {
    release_.set_value();
    left_.get_future().wait();
  }

 private:
  std::promise<void> entered_;
  std::promise<void> release_;
  std::promise<void> left_;
};

}  // namespace

// Answer and end are there before the client looks, or soon after.
TEST_CASE("reuse: a peer that closes behind each answer loses no call", "[client][reuse]") {
  scripted_peer peer;
  client to(peer.url(), over_http);
  int lost = 0;
  constexpr int rounds = 100;
  for (int i = 0; i < rounds; ++i) {
    const auto call = twice.on(to).with({.retries = 0}).spawn(1);
    while (!peer.has_another() && !call.wait_for(1ms)) {
    }
    if (peer.has_another()) {
      auto connection = peer.accept();
      connection.send(answer_to(connection.read_request(), 2));
      connection.close();
    }
    const auto got = call.try_get();
    if (!got) ++lost;
  }
  CHECK(lost == 0);
}

// A peer that answers twice, in one piece: the second answer is nobody's.
TEST_CASE("reuse: a second answer is not taken for that of the next call", "[client][reuse]") {
  scripted_peer peer;
  client to(peer.url(), over_http);
  const auto first = many.on(to).spawn(1);
  auto connection = peer.accept();
  const auto request = connection.read_request();
  {
    held_reactor held(to);
    connection.send(answer_to(request, std::vector<float>(10000)) +
                    refusal(errc::function_failed, 500));
    held.release();
  }
  CHECK(first.try_get().value().size() == 10000);
  const auto second = twice.on(to).with({.retries = 0}).spawn(2);
  const auto until = std::chrono::steady_clock::now() + 1s;
  while (!peer.has_another() && std::chrono::steady_clock::now() < until && !second.wait_for(1ms)) {
  }
  if (peer.has_another()) {
    auto other = peer.accept();
    other.send(answer_to(other.read_request(), 4));
  } else {  // the old connection was used again
    connection.try_send(answer_to(connection.read_request(), 4));
  }
  const auto got = second.try_get();
  INFO((got ? std::string("ok") : got.error().message()));
  CHECK(got.has_value());
}

// The handler of a call takes a moment, in which the kept connection ends, and then makes another.
TEST_CASE("reuse: a connection that ended during a handler is not used", "[client][reuse]") {
  scripted_peer peer;
  client to(peer.url(), over_http);
  const auto warm = twice.on(to).spawn(1);
  std::optional<scripted_connection> connection(peer.accept());
  connection->send(answer_to(connection->read_request(), 2));
  CHECK(warm.try_get().value() == 2);

  std::promise<call_handle<int>> made;
  modal::async(twice.on(to).with({.timeout = 0ms}), 1, [&](result<int>) {
    connection->close();
    made.set_value(twice.on(to).with({.retries = 0}).spawn(2));
  });
  const auto second = made.get_future().get();
  while (!peer.has_another() && !second.wait_for(1ms)) {
  }
  if (peer.has_another()) {
    auto other = peer.accept();
    other.send(answer_to(other.read_request(), 4));
  }
  const auto got = second.try_get();
  INFO((got ? std::string("ok") : got.error().message()));
  CHECK(got.has_value());
}
