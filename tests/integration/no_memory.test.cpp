// SPDX-License-Identifier: Apache-2.0
// Memory runs out once, at every place in turn: each peer is answered or sees its connection close,
// no call is lost from the books, others are served, and a stop ends.
#include "support/watched_new.hpp"
#include "unit/net/raw_peer.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <thread>
#include <vector>

namespace {

std::atomic<long> left{0};  // allocations until the one that fails; 0: none does
std::atomic<bool> has_failed{false};
thread_local bool is_spared = false;

bool is_to_fail() {
  if (is_spared || left.load(std::memory_order_relaxed) <= 0 || left.fetch_sub(1) != 1)
    return false;
  has_failed = true;
  return true;
}

}  // namespace

bool test::on_new() noexcept { return !is_to_fail(); }

using namespace test;

namespace {

struct scene {
  live_executor& live;
  raw_peer& peer;                      ///< has had an answer before
  void arm() const { left = number; }  ///< from now on
  long number;
};

executor_config tight() {
  auto config = net_config();
  config.limits.bytes_in_flight = 400'000;
  config.limits.minimum_rate = 0;
  config.grace = 60s;
  return config;
}

// What has not been given back yet may leave too little memory for a moment.
bool is_served(live_executor& live) {
  raw_peer other(live.self);
  for (;;) {
    if (!other.try_send(json_call("test::echo", "[1]"))) return false;
    const int status = other.read_response().status;
    if (status != 503) return status == 200;
  }
}

// Plays `act` again and again, with the first allocation failing, then the second, until none does.
// A connection may be lost, and no more than that.
template <class Act>
void play(Act act, bool goes_on = true, const executor_config& config = tight()) {
  is_spared = true;
  long number = 1;
  for (;; ++number) {
    INFO("allocation " << number);
    has_failed = false;
    the_gate().reset();
    {
      live_executor live(config);
      {
        raw_peer peer(live.self);
        peer.send(json_call("test::echo", "[1]"));
        REQUIRE(peer.read_response().status == 200);
        act(scene{live, peer, number});
        left = 0;
        the_gate().open();
        REQUIRE((!goes_on || is_served(live)));
      }
      REQUIRE(live.reaches([](const executor_stats& now) {
        return now.waiting == 0 && now.running == 0 && now.bytes_in_flight == 0 &&
               now.connections == 0;
      }));
      const auto now = live.self.stats();
      REQUIRE(now.admitted == now.succeeded + now.failed);
      live.self.stop();
    }
    if (!has_failed) break;
  }
  CHECK(number > 1);
  is_spared = false;
}

}  // namespace

TEST_CASE("no memory: for a call", "[integration][no_memory]") {
  play([](const scene& s) {
    s.arm();
    s.peer.send(json_call("test::echo", "[1]"));
    s.peer.read_answer_or_end();
  });
}

TEST_CASE("no memory: for a call that is logged", "[integration][no_memory]") {
  auto config = tight();
  config.log_calls = true;
  play(
      [](const scene& s) {
        s.arm();
        s.peer.send(json_call("test::echo", "[1]"));
        s.peer.read_answer_or_end();
      },
      true, config);
}

TEST_CASE("no memory: for a new connection", "[integration][no_memory]") {
  play([](const scene& s) {
    s.arm();
    raw_peer other(s.live.self);
    (void)other.try_send(json_call("test::echo", "[1]"));
    other.read_answer_or_end();
  });
}

TEST_CASE("no memory: for a failure", "[integration][no_memory]") {
  play([](const scene& s) {
    s.arm();
    s.peer.send(json_call("test::throw_pixel", "[1]"));
    s.peer.read_answer_or_end();
  });
}

TEST_CASE("no memory: for a refusal", "[integration][no_memory]") {
  play([](const scene& s) {
    s.arm();
    s.peer.send(json_call("test::what_nobody_knows", "[1]"));
    s.peer.read_answer_or_end();
  });
}

TEST_CASE("no memory: for a body in pieces, and a result that counts", "[integration][no_memory]") {
  play([](const scene& s) {
    const std::string text(100'000, '1');
    s.arm();
    s.peer.send(post_head("test::echo", 2 * text.size()));
    (void)s.peer.try_send(text);
    (void)s.live.reaches([](const executor_stats& now) { return now.bytes_in_flight != 0; }, 100ms);
    (void)s.peer.try_send(text);
    s.peer.read_answer_or_end();
  });
}

TEST_CASE("no memory: for a call whose client goes", "[integration][no_memory]") {
  play([](const scene& s) {
    s.peer.send(json_call("test::wait", "[1]"));
    REQUIRE(the_gate().wait_entered(1));
    s.arm();
    s.peer.close();
    REQUIRE(the_gate().wait_left(1));
  });
}

TEST_CASE("no memory: for a call whose deadline passes", "[integration][no_memory]") {
  play([](const scene& s) {
    s.peer.send(json_call("test::short", "[1]"));
    REQUIRE(the_gate().wait_entered(1));
    s.arm();
    s.peer.read_answer_or_end();
  });
}

TEST_CASE("no memory: for a call that somebody asks for again", "[integration][no_memory]") {
  play([](const scene& s) {
    const std::string request =
        json_call("test::wait", "[1]",
                  "modal-on-lost: repeat\r\nmodal-call-id: 00112233445566778899aabbccddeeff\r\n");
    raw_peer other(s.live.self);
    s.arm();
    s.peer.send(request);
    if (!s.live.reaches([](const executor_stats& now) { return now.running == 1; }, 1s)) return;
    other.send(request);
    (void)s.live.reaches([](const executor_stats& now) { return now.waiting == 1; }, 100ms);
    the_gate().open();
    s.peer.read_answer_or_end();
    other.read_answer_or_end();
  });
}

TEST_CASE("no memory: for bodies that wait for memory", "[integration][no_memory]") {
  play([](const scene& s) {
    const std::string large(300'000, '1');
    raw_peer holds(s.live.self);
    holds.send(json_call("test::wait", large));
    REQUIRE(the_gate().wait_entered(1));
    s.arm();
    raw_peer old(s.live.self);
    old.send(post_head("test::echo", 200'000));
    (void)old.try_send(std::string(150'000, '1'));
    s.peer.send(post_head("test::echo", 200'000));
    (void)s.peer.try_send(std::string(150'000, '1'));
    the_gate().open();
    holds.read_answer_or_end();
    (void)old.try_send(std::string(50'000, '1'));
    old.read_answer_or_end();
    (void)s.peer.try_send(std::string(50'000, '1'));
    s.peer.read_answer_or_end();
  });
}

TEST_CASE("no memory: for a stop", "[integration][no_memory]") {
  play(
      [](const scene& s) {
        s.peer.send(json_call("test::short", "[1]"));
        REQUIRE(the_gate().wait_entered(1));
        std::thread stopping([&] {
          s.arm();
          s.live.self.stop();
          left = 0;
        });
        s.peer.read_answer_or_end();
        stopping.join();
      },
      false);
}

// The host goes on, whatever its context lacked memory for.
TEST_CASE("no memory: on a host's context", "[integration][no_memory]") {
  is_spared = true;
  for (long number = 1;; ++number) {
    INFO("allocation " << number);
    has_failed = false;
    boost::asio::io_context host;
    auto work = boost::asio::make_work_guard(host);
    executor self(net_config());
    self.start(host);
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i)
      threads.emplace_back([&host] {
        for (;;) try {
            return void(host.run());
          } catch (const std::bad_alloc&) {
          }
      });
    left = number;
    for (int i = 0; i < 5; ++i) {
      raw_peer peer(self);
      if (peer.try_send(json_call("test::echo", "[1]"))) peer.read_answer_or_end();
    }
    self.stop();
    left = 0;
    work.reset();
    for (auto& each : threads) each.join();
    if (!has_failed) break;
  }
  is_spared = false;
}

// What cannot start says so, and leaves nothing behind.
TEST_CASE("no memory: for a start", "[integration][no_memory]") {
  is_spared = true;
  for (long number = 1;; ++number) {
    INFO("allocation " << number);
    has_failed = false;
    {
      executor self(net_config());
      left = number;
      is_spared = false;
      try {
        self.start();
      } catch (const std::bad_alloc&) {
      } catch (const call_error&) {
      }
      is_spared = true;
      left = 0;
    }
    if (!has_failed) break;
  }
  is_spared = false;
}
