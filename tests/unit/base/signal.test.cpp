// SPDX-License-Identifier: Apache-2.0
#include <modal/base/signal.hpp>

#include "support/catch.hpp"

#include <memory>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using modal::detail::signal_once;

TEST_CASE("signal: is set once, for all who wait", "[base][signal]") {
  for (int round = 0; round < 200; ++round) {
    signal_once it;
    int told = 0;  // before
    std::vector<std::thread> waiting;
    for (int i = 0; i < 4; ++i)
      waiting.emplace_back([&] {
        it.wait();
        if (told != 1) std::terminate();
      });
    CHECK_FALSE(it.is_set());
    told = 1;
    it.set();
    for (auto& each : waiting) each.join();
    CHECK(it.is_set());
    it.wait();
    CHECK(it.wait_until({}));
  }
}

TEST_CASE("signal: may end as soon as it was waited for", "[base][signal]") {
  for (int round = 0; round < 2000; ++round) {
    auto it = std::make_unique<signal_once>();
    std::thread setting([&which = *it] { which.set(); });
    it->wait();
    it.reset();
    setting.join();
  }
}

TEST_CASE("signal: is not waited for longer than that", "[base][signal]") {
  const signal_once it;
  const auto now = std::chrono::steady_clock::now();
  CHECK_FALSE(it.wait_until({}));
  CHECK_FALSE(it.wait_until(now - 1h));
  CHECK_FALSE(it.wait_until(now + 20ms));
  CHECK(std::chrono::steady_clock::now() >= now + 20ms);
}

TEST_CASE("signal: is waited for until then", "[base][signal]") {
  signal_once it;
  std::thread setting([&] { it.set(); });
  CHECK(it.wait_until(std::chrono::steady_clock::now() + 1h));
  setting.join();
}
