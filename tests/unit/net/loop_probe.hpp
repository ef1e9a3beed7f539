// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/event_loop.hpp"
#include "support/catch.hpp"

#include <atomic>
#include <functional>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

/// @file
/// What tests of the loop tell and watch.

namespace test {

using modal::detail::event_loop;

constexpr event_loop::events word = event_loop::first_own;

// Does what a test says, and counts.
struct probe final : event_loop::target {
  explicit probe(std::function<void(event_loop::events)> act = [](event_loop::events) {})
      : does(std::move(act)) {}

  std::function<void(event_loop::events)> does;
  std::atomic<int> inside{0};
  std::atomic<bool> was_crowded{false};
  using target::set_heavy;

 protected:
  void on_events(event_loop::events what) noexcept override {
    if (inside.fetch_add(1) != 0) was_crowded = true;
    does(what);
    inside.fetch_sub(1);
  }
};

struct descriptors {
  descriptors() { REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0); }
  ~descriptors() {
    ::close(ends[0]);
    ::close(ends[1]);
  }
  void write() { REQUIRE(::write(ends[1], "x", 1) == 1); }
  int ends[2];
};

// Threads that keep the loop, until the end of this.
struct keepers {
  explicit keepers(event_loop& of, int count = 1) : loop(of) {
    for (int i = 0; i < count; ++i) threads.emplace_back([this] { loop.keep(); });
  }
  ~keepers() {
    loop.end();
    for (auto& each : threads) each.join();
  }
  event_loop& loop;
  std::vector<std::thread> threads;
};

}  // namespace test
