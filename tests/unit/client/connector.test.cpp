// SPDX-License-Identifier: Apache-2.0
#include <modal/client/connector.hpp>

#include "support/catch.hpp"
#include "support/scripted_peer.hpp"

using namespace std::chrono_literals;
using namespace modal;
using modal::detail::connector;

namespace {

endpoint at(int port) {
  return {.host = "127.0.0.1",
          .port = std::to_string(port),
          .unix_path = {},
          .authority = "127.0.0.1:" + std::to_string(port)};
}

connector::step finish(connector& which) {
  for (;;) {
    const auto step = which.advance(std::chrono::steady_clock::now());
    if (step != connector::step::wait) return step;
    const auto wanted = which.wants();
    detail::wait_for(wanted.descriptor, wanted.what, wanted.until);
  }
}

}  // namespace

TEST_CASE("connector: connects", "[client][connector]") {
  test::scripted_peer peer;
  const auto where = at(peer.port());
  unsigned serial = 0;
  connector made;
  made.start(where, never, serial);
  REQUIRE(finish(made) == connector::step::connected);
  bool is_watched = true;
  CHECK(made.take_socket(is_watched).is_open());
  CHECK_FALSE(is_watched);
  CHECK(serial == 2);  // the search, and the socket
  CHECK(peer.has_another());
}

TEST_CASE("connector: says who is not there", "[client][connector]") {
  int port = 0;
  {
    test::scripted_peer gone;
    port = gone.port();
  }
  const auto where = at(port);
  unsigned serial = 0;
  connector made;
  made.start(where, never, serial);
  REQUIRE(finish(made) == connector::step::failed);
  const auto why = made.take_failure();
  CHECK(why == errc::connect_failed);
  CHECK(why.details().message.find(where.authority) != std::string::npos);
}

TEST_CASE("connector: gives up when its time is over", "[client][connector]") {
  const auto where = at(1);
  unsigned serial = 0;
  connector made;
  const auto now = std::chrono::steady_clock::now();
  made.start(where, now, serial);
  CHECK(made.advance(now) == connector::step::failed);
  CHECK(made.take_failure().details().message.find("connect_timeout") != std::string::npos);
}
