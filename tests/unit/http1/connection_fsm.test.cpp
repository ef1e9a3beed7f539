// SPDX-License-Identifier: Apache-2.0
#include "http1/connection_fsm.hpp"

#include "support/catch.hpp"
#include "support/machine_bench.hpp"

#include <algorithm>
#include <cstring>

using namespace std::chrono_literals;
using test::chunked;
using test::get;
using test::machine_bench;
using test::post;
using kind = machine_bench::kind;

namespace {

const std::vector<std::string>& conversations() {
  static const std::vector<std::string> all{
      get("/one") + get("/two"),
      post("/call", 5) + "12345" + get("/after"),
      post("/empty", 0) + post("/full", 2) + "ab",
      chunked("/chunks", "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nt: u\r\n\r\n") + get("/after"),
      post("/waits", 3, "expect: 100-continue\r\n") + "abc" + get("/after"),
      chunked("/waits", "1\r\na\r\n0\r\n\r\n", "expect: 100-continue\r\n") + get("/after"),
      post("/no", 3) + "abc" + get("/after"),
      post("/no", 1 << 20) + std::string(100, 'x'),
      chunked("/no", "1\r\na\r\n0\r\n\r\n"),
      get("/last", "connection: close\r\n") + get("/never"),
      "GET /old HTTP/1.0\r\nconnection: keep-alive\r\n\r\nGET /old HTTP/1.0\r\n\r\n",
      "HEAD /head HTTP/1.1\r\nhost: a\r\n\r\n" + get("/after"),
      get("/fine") + "no HTTP at all\r\n\r\n" + get("/never"),
      chunked("/broken", "3\r\nabcd\r\n0\r\n\r\n"),
      chunked("/large", "11\r\n" + std::string(17, 'x') + "\r\n0\r\n\r\n"),
      get("/fine") + "GET /endless HTTP/1.1\r\nx: " + std::string(2000, 'y'),
  };
  return all;
}

modal::limits small_limits() {
  modal::limits bounds;
  bounds.header_bytes = 1024;
  return bounds;
}

struct small_bench : machine_bench {
  small_bench() : machine_bench(small_limits()) {
    terms.most_bytes = 16;
    lets_in = [](const modal::detail::request_head& head) { return head.target != "/no"; };
  }
};

int count(const machine_bench& of, kind what) {
  return static_cast<int>(std::count(of.actions.begin(), of.actions.end(), what));
}

// What holds whatever happened.
void check_books(const machine_bench& b) {
  CHECK(b.opened >= b.submitted + b.refused);
  CHECK(b.opened - b.submitted - b.refused <= 1);
  CHECK(count(b, kind::close) == (b.is_closed ? 1 : 0));
  if (b.is_closed) CHECK_FALSE(b.is_open);
}

}  // namespace

TEST_CASE("connection fsm: what becomes of requests does not depend on how they are cut",
          "[http1][connection_fsm]") {
  for (const auto& sent : conversations()) {
    INFO(sent.substr(0, 200));
    small_bench whole;
    whole.send(sent);
    check_books(whole);
    small_bench bytes;
    for (const char each : sent) bytes.send({&each, 1});
    REQUIRE(bytes.text == whole.text);
    for (std::size_t cut = 1; cut < sent.size(); ++cut) {
      small_bench two;
      two.send(std::string_view(sent).substr(0, cut));
      two.send(std::string_view(sent).substr(cut));
      REQUIRE(two.text == whole.text);
    }
  }
}

TEST_CASE("connection fsm: a client may go at every byte", "[http1][connection_fsm]") {
  for (const auto& sent : conversations())
    for (std::size_t cut = 0; cut <= sent.size(); ++cut) {
      small_bench b;
      b.send(std::string_view(sent).substr(0, cut));
      b.end();
      REQUIRE(b.is_closed);
      check_books(b);
    }
}

TEST_CASE("connection fsm: everything may happen at every step", "[http1][connection_fsm]") {
  using fault = std::function<void(machine_bench&)>;
  const std::vector<std::pair<const char*, fault>> faults{
      {"end", [](machine_bench& b) { b.machine.on_end(); }},
      {"time", [](machine_bench& b) { b.machine.on_time(b.now += 24h); }},
      {"close wanted", [](machine_bench& b) { b.machine.want_close(); }},
      {"closed", [](machine_bench& b) { b.machine.close(); }},
      {"late grant", [](machine_bench& b) { b.machine.grant(1 << 30, b.now); }},
      {"memory refused", [](machine_bench& b) { b.has_memory = machine_bench::memory::refused; }},
      {"reply awaited", [](machine_bench& b) { b.replies_at_once = false; }},
  };
  for (const auto& [name, happen] : faults)
    for (const auto& sent : conversations())
      for (std::size_t at = 1; at < 40; ++at) {
        INFO(name << " after action " << at << " of\n" << sent.substr(0, 200));
        small_bench b;
        bool has_happened = false;
        std::size_t seen = 0;
        for (std::size_t i = 0; i < sent.size() && !has_happened; i += 7) {
          b.send(std::string_view(sent).substr(i, 7));
          if (b.actions.size() < at || has_happened) continue;
          has_happened = true;
          seen = i + 7;
          happen(b);
          b.run();
        }
        if (!has_happened) break;
        if (seen < sent.size()) b.send(std::string_view(sent).substr(seen));
        while (b.awaits()) b.reply();
        check_books(b);
        b.end();
        while (b.awaits()) b.reply();
        CHECK(b.is_closed);
        check_books(b);
      }
}

TEST_CASE("connection fsm: says 100 only to those that wait for it", "[http1][connection_fsm]") {
  small_bench waits;
  waits.send(post("/a", 3, "expect: 100-continue\r\n"));
  CHECK(waits.continues == 1);
  waits.send("abc");
  CHECK(waits.continues == 1);
  CHECK(waits.submitted == 1);
  small_bench hasty;
  hasty.send(post("/a", 3, "expect: 100-continue\r\n") + "abc");
  CHECK(hasty.continues == 0);
  small_bench refused;
  refused.send(post("/no", 3, "expect: 100-continue\r\n"));
  CHECK(refused.continues == 0);
  refused.send("GET");  // it does not send the body; what comes may be anything
  CHECK(refused.opened == 1);
}

TEST_CASE("connection fsm: asks for memory for what has come, not for what is promised",
          "[http1][connection_fsm]") {
  machine_bench b;
  b.terms.most_bytes = std::size_t{1} << 30;
  b.send(post("/a", 5 << 20));
  CHECK(b.asked.empty());
  b.send("x");
  CHECK(b.asked == std::vector<std::size_t>{2 << 20});
  b.send(std::string((2 << 20) - 2, 'x'));
  CHECK(b.asked.size() == 1);
  b.send("x");  // the piece is full: the next one is to be read to where it belongs
  CHECK(b.asked == std::vector<std::size_t>{2 << 20, 4 << 20});
  b.send(std::string(3 << 20, 'x'));
  CHECK(b.asked.back() == 5 << 20);
  CHECK(b.submitted == 1);
}

TEST_CASE("connection fsm: reads no body that there is no memory for", "[http1][connection_fsm]") {
  machine_bench b;
  b.has_memory = machine_bench::memory::paused;
  b.send(post("/a", 10) + "12345");
  CHECK(b.machine.prepare().empty());
  b.send("67890");
  CHECK(b.unread() == 5);
  CHECK(b.submitted == 0);
  b.grant();
  CHECK(b.text.find("body 1234567890\n") != std::string::npos);
}

TEST_CASE("connection fsm: looks after a client that waits for memory", "[http1][connection_fsm]") {
  machine_bench b;
  b.has_memory = machine_bench::memory::paused;
  b.bounds.transfer_timeout = 3s;
  b.terms.deadline = b.now + 1min;
  b.send(post("/a", 10) + "12345");
  for (int i = 0; i < 11; ++i) b.wait(1s);
  CHECK(b.looks == 11);
  CHECK(b.workings == 2);
  CHECK_FALSE(b.is_closed);
  SECTION("until its deadline") {
    b.wait(1min);
    CHECK(b.text.find("problem 0 the deadline passed") != std::string::npos);
  }
  SECTION("until it goes") {
    b.end();
    CHECK_FALSE(b.is_closed);  // nothing is read that would tell
    b.wait(1s);
    CHECK(b.is_closed);
  }
  SECTION("until there is memory") {
    b.grant();
    b.wait(2s);
    b.send("67890");
    CHECK(b.submitted == 1);
  }
}

TEST_CASE("connection fsm: each phase has its limit of time", "[http1][connection_fsm]") {
  modal::limits bounds;
  bounds.idle_timeout = 60s;
  bounds.header_timeout = 10s;
  bounds.transfer_timeout = 30s;
  bounds.minimum_rate = 0;
  machine_bench b(bounds);
  SECTION("idle") {
    b.wait(59s);
    CHECK_FALSE(b.is_closed);
    CHECK(b.machine.due(b.now) == b.now + 1s);
    b.wait(1s);
    CHECK(b.text == "close\n");
  }
  SECTION("a head") {
    b.send("GET / HTTP");
    b.wait(9s);
    b.send("/1.1\r\n");  // is no reason to wait longer
    b.wait(1s);
    CHECK(b.text.find("problem 408") == 0);
  }
  SECTION("a body without progress") {
    b.send(post("/a", 9) + "1");
    for (int i = 0; i < 5; ++i) {
      b.wait(29s);
      b.send("2");
    }
    CHECK(b.problems == 0);
    b.wait(30s);
    CHECK(b.text.find("problem 408") != std::string::npos);
  }
  SECTION("a reply that is not taken") {
    b.replies_at_once = false;
    b.send(post("/a", 1) + "1");
    b.wait(24h);  // the call has a deadline of its own
    CHECK_FALSE(b.is_closed);
    b.machine.on_writing(b.now);
    b.wait(29s);
    b.machine.on_written(1, b.now);
    b.wait(29s);
    CHECK_FALSE(b.is_closed);
    b.wait(1s);
    CHECK(b.is_closed);
  }
  SECTION("the rest of a refused body") {
    b.lets_in = [](const auto&) { return false; };
    b.send(post("/a", 9) + "1");
    b.wait(29s);
    CHECK_FALSE(b.is_closed);
    b.send("2");  // is no reason to wait longer
    b.wait(1s);
    CHECK(b.is_closed);
  }
  SECTION("a client that is to go") {
    b.send(get("/", "connection: close\r\n"));
    CHECK_FALSE(b.is_closed);
    b.wait(2s);
    CHECK(b.is_closed);
  }
}

TEST_CASE("connection fsm: a body must come at the least rate", "[http1][connection_fsm]") {
  modal::limits bounds;
  bounds.minimum_rate = 10;
  bounds.rate_window = 10s;
  machine_bench b(bounds);
  b.send(post("/a", 1000));
  for (int i = 0; i < 20; ++i) {
    b.send(std::string(10, 'x'));
    b.wait(1s);
  }
  CHECK(b.problems == 0);
  for (int i = 0; i < 10; ++i) {
    b.send("x");
    b.wait(1s);
  }
  CHECK(b.text.find("problem 408") != std::string::npos);
}

TEST_CASE("connection fsm: tells once that nobody waits for a reply", "[http1][connection_fsm]") {
  machine_bench b;
  b.replies_at_once = false;
  b.send(post("/a", 1) + "1");
  b.end();
  CHECK(b.cancels == 1);
  b.run();
  CHECK(b.cancels == 1);
  b.reply(false);
  CHECK(b.is_closed);
}

TEST_CASE("connection fsm: holds what is sent ahead, up to a header's worth",
          "[http1][connection_fsm]") {
  small_bench b;
  b.replies_at_once = false;
  b.send(post("/a", 1) + "1");
  b.send(std::string(5000, 'x'));
  CHECK(b.unread() == 5000 - 1024);
}

TEST_CASE("connection fsm: lets a client read its reply before it closes",
          "[http1][connection_fsm]") {
  machine_bench b;
  b.send(get("/", "connection: close\r\n") + std::string(1000, 'x'));
  CHECK(b.text.find("shut\n") != std::string::npos);
  CHECK_FALSE(b.is_closed);
  SECTION("as long as it sends no more than is bearable") {
    b.send(std::string(16 << 20, 'x'));
    CHECK(b.is_closed);
  }
  SECTION("or until all is to end") {
    machine_bench quiet;
    quiet.send(get("/", "connection: close\r\n"));
    CHECK_FALSE(quiet.is_closed);
    quiet.machine.want_close();
    quiet.run();
    CHECK(quiet.is_closed);
  }
}

TEST_CASE("connection fsm: is idle only with nothing at all under way", "[http1][connection_fsm]") {
  machine_bench b;
  CHECK(b.machine.is_idle());
  b.send("G");
  CHECK_FALSE(b.machine.is_idle());
  CHECK(b.machine.has_begun());
  b.send(get("/").substr(1));
  CHECK(b.machine.is_idle());
  CHECK(b.machine.idle_since() == b.now);
  b.send(post("/", 3));
  CHECK_FALSE(b.machine.is_idle());
}

TEST_CASE("connection fsm: does not wait for what nobody wants when it is to close",
          "[http1][connection_fsm]") {
  machine_bench b;
  b.lets_in = [](const auto&) { return false; };
  b.send(post("/a", 9) + "1");
  CHECK_FALSE(b.is_closed);
  b.machine.want_close();
  b.run();
  CHECK(b.text.find("shut\n") != std::string::npos);
  b.end();
  CHECK(b.is_closed);
}

TEST_CASE("connection fsm: an empty line between requests is nothing", "[http1][connection_fsm]") {
  machine_bench b;
  b.send(post("/a", 1) + "1\r\n");
  CHECK(b.machine.is_idle());
  b.send("\r");
  CHECK(b.machine.has_begun());
  b.wait(b.bounds.header_timeout / 2);
  b.send("\n");
  CHECK(b.machine.is_idle());
  b.wait(b.bounds.header_timeout);
  b.send("\r\n" + get("/b"));
  CHECK(b.opened == 2);
  CHECK(b.problems == 0);
  CHECK(b.machine.is_idle());
}

TEST_CASE("connection fsm: reads nothing while somebody decides about a head",
          "[http1][connection_fsm]") {
  machine_bench b;
  std::memcpy(b.machine.prepare().data(), "GET / HTTP/1.1\r\nhost: a\r\n\r\n", 27);
  b.machine.on_bytes(27, b.now);
  CHECK(b.machine.next(b.now).what == kind::open);
  CHECK(b.machine.next(b.now).what == kind::wait);
  CHECK(b.machine.prepare().empty());
  b.machine.refuse();
  CHECK_FALSE(b.machine.prepare().empty());
}
