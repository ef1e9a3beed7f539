// SPDX-License-Identifier: Apache-2.0
// Memory runs out once at the client, at every place in turn: each call ends once, with the outcome
// of the function that it names, and the next one works.
#include <modal/asio.hpp>

#include "integration/serving.hpp"
#include "support/catch.hpp"
#include "support/watched_new.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <cstring>
#include <optional>
#include <pthread.h>
#include <thread>

namespace {

std::atomic<long> left{0};  // allocations until the one that fails; 0: none does
std::atomic<bool> has_failed{false};
std::atomic<bool> is_reactor_hit{false};
thread_local bool is_hit = false;

bool is_reactor() {
  char name[16] = {};
  pthread_getname_np(pthread_self(), name, sizeof name);
  return std::strcmp(name, "modal-client") == 0;
}

}  // namespace

bool test::on_new() noexcept {
  if (left.load(std::memory_order_relaxed) <= 0) return true;
  if (!is_hit && !(is_reactor_hit && is_reactor())) return true;
  if (left.fetch_sub(1) != 1) return true;
  has_failed = true;
  return false;
}

namespace lacking {

int plus(int a, int b) { return a + b; }
int the_difference_between_two_numbers_under_a_long_name(int a, int b) { return a - b; }
std::string text_of(int size) { return std::string(static_cast<std::size_t>(size), 'x'); }
constexpr auto& minus = the_difference_between_two_numbers_under_a_long_name;

}  // namespace lacking

MODAL_FUNCTION(lacking::plus)
MODAL_FUNCTION(lacking::text_of)
MODAL_FUNCTION(lacking::the_difference_between_two_numbers_under_a_long_name)

namespace {

using namespace std::chrono_literals;

// Plays `act` with the first allocation failing, then the second, until none does.
template <class Act>
void play(Act act) {
  const serving s;
  long number = 1;
  for (;; ++number) {
    INFO("allocation " << number);
    has_failed = false;
    modal::client client(s.executor.url());
    const auto plus = modal::remote<lacking::plus>.on(client).with({.timeout = 60s});
    act(client, plus, number);
    left = 0;
    is_hit = false;
    REQUIRE(plus.spawn(1, 1).get() == 2);
    REQUIRE(plus(1, 2) == 3);
    if (!has_failed) break;
  }
  CHECK(number > 1);
}

void arm(long number) {
  is_hit = true;
  left = number;
}

}  // namespace

TEST_CASE("no memory at the client: a call reaches the function that it names, or none",
          "[integration][no_memory]") {
  const bool is_spawned = GENERATE(false, true);
  play([is_spawned](modal::client& client, const auto& plus, long number) {
    const auto minus = modal::remote<lacking::minus>.on(client);
    const auto call = [is_spawned](const auto& function) {
      return is_spawned ? function.spawn(5, 3).get() : function(5, 3);
    };
    REQUIRE(call(plus) == 8);
    arm(number);
    try {
      const int got = call(minus);
      left = 0;
      CHECK(got == 2);
    } catch (const std::exception&) {
    }
    left = 0;
    is_hit = false;
    REQUIRE(call(plus) == 8);
    REQUIRE(call(minus) == 2);
  });
}

TEST_CASE("no memory at the client: a spawned call ends", "[integration][no_memory]") {
  is_reactor_hit = true;
  const bool is_warm = GENERATE(false, true);
  play([is_warm](modal::client&, const auto& plus, long number) {
    if (is_warm) REQUIRE(plus.spawn(1, 1).get() == 2);
    arm(number);
    std::optional<modal::call_handle<int>> handle;
    try {
      handle.emplace(plus.spawn(2, 3));
    } catch (const std::exception&) {
    }
    if (handle) REQUIRE(handle->wait_for(30s));
    left = 0;
    is_hit = false;
    if (handle)
      if (const auto got = handle->try_get()) CHECK(*got == 5);
  });
  is_reactor_hit = false;
}

TEST_CASE("no memory at the client: an asynchronous call completes once",
          "[integration][no_memory]") {
  is_reactor_hit = true;
  play([](modal::client&, const auto& plus, long number) {
    REQUIRE(plus.spawn(1, 1).get() == 2);
    boost::asio::io_context io;
    int handled = 0;
    bool thrown = false;
    arm(number);
    try {
      modal::async(plus, 2, 3,
                   boost::asio::bind_executor(io, [&](modal::result<int>) { ++handled; }));
    } catch (const std::exception&) {
      thrown = true;
    }
    is_hit = false;
    io.run_for(30s);  // until it has nothing to do
    left = 0;
    CHECK(handled == (thrown ? 0 : 1));
  });
  is_reactor_hit = false;
}

TEST_CASE("no memory at the client: whoever leads lets go of what it holds",
          "[integration][no_memory]") {
  play([](modal::client& client, const auto&, long number) {
    const auto text_of = modal::remote<lacking::text_of>.on(client).with({.timeout = 60s});
    for (int i = 0; i < 3; ++i) REQUIRE(text_of(10).size() == 10);  // and it has moved
    arm(number);
    try {
      const auto got = text_of(50'000);  // more than was read at once before
      left = 0;
      CHECK(got.size() == 50'000);
    } catch (const std::exception&) {
    }
    left = 0;
    is_hit = false;
  });
}
