// SPDX-License-Identifier: Apache-2.0
#include <modal/client/http_exchange.hpp>

#include "support/catch.hpp"

#include <cstring>

using namespace modal;
using progress = http_exchange::progress;

namespace {

struct exchange_bench {
  explicit exchange_bench(client_limits chosen = {},
                          http_exchange::consent wanted = http_exchange::consent::none)
      : bounds(chosen), exchange(bounds, pool) {
    call_head head;
    head.id = id128::from_name("call");
    head.signature = id128::from_name("signature");
    head.timeout = std::chrono::seconds{1};
    exchange.start("host:1", "/v1/functions/f/call", head, arguments, wanted);
    if (wanted == http_exchange::consent::none) send_all();
  }

  void send_all() {
    for (auto parts = exchange.to_send(); !parts.empty(); parts = exchange.to_send())
      exchange.note_sent(parts.front().size());
  }

  // Feeds `text` in steps of `step` bytes; returns what the last step gave.
  result<progress> feed(std::string_view text, std::size_t step) {
    result<progress> last = progress::more;
    while (!text.empty()) {
      const auto room = exchange.prepare();
      const auto size = std::min({room.size(), step, text.size()});
      std::memcpy(room.data(), text.data(), size);
      text.remove_prefix(size);
      last = exchange.commit(size);
      if (!last || *last == progress::done) return last;
    }
    return last;
  }

  client_limits bounds;
  buffer_pool pool;
  payload arguments;
  http_exchange exchange;
};

const std::string of_this_call = "modal-call-id: " + id128::from_name("call").to_string() + "\r\n";
const std::string success =
    "HTTP/1.1 200 OK\r\ncontent-type: application/vnd.modal.call\r\n" + of_this_call +
    "modal-report: queue=1,decode=2,run=3,encode=4,attempts=1\r\ncontent-length: 5\r\n\r\nhello";

std::string text_of(const buffer& body) {
  return {reinterpret_cast<const char*>(body.data()), body.size()};
}

}  // namespace

TEST_CASE("http exchange: writes a head with all fields of the call", "[client][http_exchange]") {
  exchange_bench b({}, http_exchange::consent::expect);
  REQUIRE(b.exchange.to_send().size() == 1);
  const auto part = b.exchange.to_send().front();
  const std::string head(reinterpret_cast<const char*>(part.data()), part.size());
  CHECK(head.starts_with("POST /v1/functions/f/call HTTP/1.1\r\nhost: host:1\r\n"));
  CHECK_THAT(head, test::contains("content-length: 16\r\n"));
  CHECK_THAT(head, test::contains("modal-timeout-us: 1000000\r\n"));
  CHECK_THAT(head, test::contains("modal-call-id: " + id128::from_name("call").to_string()));
  CHECK(head.ends_with("\r\n\r\n"));
}

TEST_CASE("http exchange: reads a success, however it is split", "[client][http_exchange]") {
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, success.size()}) {
    exchange_bench b;
    CHECK(b.feed(success, step).value() == progress::done);
    CHECK(b.exchange.keeps_alive());
    CHECK(b.exchange.report().run.count() == 3);
    CHECK(text_of(b.exchange.take_answer("").value()) == "hello");
  }
}

TEST_CASE("http exchange: takes an end at any byte for a loss", "[client][http_exchange]") {
  for (std::size_t cut = 0; cut < success.size(); ++cut) {
    exchange_bench b;
    REQUIRE(b.feed(success.substr(0, cut), 64).value() == progress::more);
    const auto lost = b.exchange.commit(0);
    REQUIRE(!lost);
    CHECK(lost.error() == errc::connection_lost);
  }
}

TEST_CASE("http exchange: skips interim responses, in pieces or all in one",
          "[client][http_exchange]") {
  const std::string interim = "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n";
  for (const std::size_t step : {std::size_t{1}, std::size_t{1000}}) {
    exchange_bench b;
    CHECK(b.feed(interim + success, step).value() == progress::done);
    CHECK(text_of(b.exchange.take_answer("").value()) == "hello");
  }
}

TEST_CASE("http exchange: sends the body when it is allowed to", "[client][http_exchange]") {
  exchange_bench b({}, http_exchange::consent::expect);
  CHECK(!b.exchange.awaits_consent());
  b.send_all();
  CHECK(b.exchange.awaits_consent());
  CHECK(!b.exchange.is_sent());
  SECTION("by the executor") {
    CHECK(b.feed("HTTP/1.1 100 Continue\r\n\r\n", 1000).value() == progress::more);
  }
  SECTION("by the clock") { b.exchange.stop_waiting(); }
  CHECK(b.exchange.to_send().size() == 1);
  b.send_all();
  CHECK(b.exchange.is_sent());
  CHECK(b.feed(success, 1000).value() == progress::done);
  CHECK(b.exchange.keeps_alive());
}

TEST_CASE("http exchange: a connection that is owed a body carries no other request",
          "[client][http_exchange]") {
  exchange_bench b({}, http_exchange::consent::expect);
  b.send_all();
  CHECK(b.feed(success, 1000).value() == progress::done);
  CHECK(!b.exchange.keeps_alive());
}

TEST_CASE("http exchange: takes no answer that is not of its call", "[client][http_exchange]") {
  const auto answer_of = [](const std::string& fields) {
    exchange_bench b;
    REQUIRE(b.feed("HTTP/1.1 200 OK\r\ncontent-type: application/vnd.modal.call\r\n" + fields +
                       "content-length: 5\r\n\r\nhello",
                   1000)
                .value() == progress::done);
    auto answer = b.exchange.take_answer("");
    REQUIRE(!answer);
    CHECK(!b.exchange.keeps_alive());
    return answer.error();
  };
  CHECK(answer_of("modal-call-id: " + id128::from_name("other").to_string() + "\r\n") ==
        errc::bad_response);
  CHECK(answer_of("") == errc::bad_response);
  const auto encoded = answer_of(of_this_call + "content-encoding: gzip\r\n");
  CHECK_THAT(encoded.message(), test::contains("gzip"));
}

TEST_CASE("http exchange: reads an error up to the end of the connection",
          "[client][http_exchange]") {
  exchange_bench b;
  REQUIRE(b.feed("HTTP/1.0 503 Busy\r\n\r\nno servers", 3).value() == progress::more);
  CHECK(b.exchange.commit(0).value() == progress::done);
  CHECK_THAT(b.exchange.take_answer("").error().message(), test::contains("no servers"));
  CHECK(!b.exchange.keeps_alive());
}

TEST_CASE("http exchange: reads chunked answers", "[client][http_exchange]") {
  exchange_bench b;
  CHECK(b.feed("HTTP/1.1 200 OK\r\ncontent-type: application/vnd.modal.call\r\n" + of_this_call +
                   "transfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
               1)
            .value() == progress::done);
  CHECK(text_of(b.exchange.take_answer("").value()) == "hello");
}

TEST_CASE("http exchange: turns a problem document into its error", "[client][http_exchange]") {
  const std::string body = to_problem(error(errc::queue_full, "full"), 503);
  exchange_bench b;
  const auto done = b.feed(
      "HTTP/1.1 503 Busy\r\ncontent-type: application/problem+json\r\n"
      "retry-after: 2\r\ncontent-length: " +
          std::to_string(body.size()) + "\r\n\r\n" + body,
      9);
  REQUIRE(done.value() == progress::done);
  const auto answer = b.exchange.take_answer("");
  REQUIRE(!answer);
  CHECK(answer.error() == errc::queue_full);
  CHECK(answer.error().details().retry_after == std::chrono::seconds{2});
}

TEST_CASE("http exchange: marks where the signatures differ", "[client][http_exchange]") {
  error mismatch(errc::signature_mismatch);
  mismatch.details().signature = "(i32) -> i32";
  const std::string body = to_problem(mismatch, 409);
  exchange_bench b;
  REQUIRE(
      b.feed("HTTP/1.1 409 Conflict\r\ncontent-type: application/problem+json\r\ncontent-length: " +
                 std::to_string(body.size()) + "\r\n\r\n" + body,
             1000)
          .has_value());
  const auto answer = b.exchange.take_answer("(f32) -> i32");
  REQUIRE(!answer);
  CHECK_THAT(answer.error().message(), test::contains("^"));
}

TEST_CASE("http exchange: refuses what breaks the protocol or a limit", "[client][http_exchange]") {
  client_limits tight;
  tight.header_bytes = 256;
  tight.body_bytes = 4;
  const auto refused = [&](const std::string& text) {
    exchange_bench b(tight);
    const auto last = b.feed(text, 5);
    REQUIRE(!last);
    return last.error().value();
  };
  CHECK(refused("SSH-2.0-OpenSSH_9.2\r\n\r\n") == errc::bad_response);
  CHECK(refused("HTTP/1.1 200 OK\r\n\r\n") == errc::bad_response);
  CHECK(refused("HTTP/1.1 200 OK\r\nx: " + std::string(400, 'y') + "\r\n\r\n") ==
        errc::bad_response);
  CHECK(refused("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n") == errc::too_large);
  CHECK(refused("HTTP/1.1 101 Switching\r\n\r\n") == errc::bad_response);
  CHECK(refused("HTTP/2.0 200 OK\r\ncontent-length: 1\r\n\r\n") == errc::bad_response);
  CHECK(refused("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n") ==
        errc::bad_response);
  CHECK(refused("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;" +
                std::string(5000, 'e')) == errc::too_large);
  CHECK(refused("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n") ==
        errc::too_large);
}

TEST_CASE("http exchange: however often it is told to wait, the call's deadline ends that",
          "[client][http_exchange]") {
  exchange_bench b;
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "HTTP/1.1 102 On it\r\n\r\n";
  CHECK(b.feed(many, 5).value() == http_exchange::progress::more);
}

TEST_CASE("http exchange: trusts no connection with bytes after the answer",
          "[client][http_exchange]") {
  exchange_bench b;
  REQUIRE(b.feed(success + "x", 1000).value() == progress::done);
  CHECK(!b.exchange.keeps_alive());
}
