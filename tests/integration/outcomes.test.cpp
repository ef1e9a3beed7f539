// SPDX-License-Identifier: Apache-2.0
// Runs are counted inside of the function, where nobody who answers can be mistaken.
#include <modal/asio.hpp>
#include <modal/executor.hpp>
#include <modal/modal.hpp>

#include "support/catch.hpp"

#include <atomic>
#include <mutex>
#include <set>
#include <string>
#include <thread>

namespace outcomes {

std::mutex mutex;                 // guards all below
std::multiset<std::string> runs;  // ids of calls, once for each run

int run(int number) {
  const std::scoped_lock lock(mutex);
  runs.insert(modal::this_call().id().to_string());
  return number;
}

/// Asks from a thread of its own who calls.
std::string ask_elsewhere() {
  const modal::call_context& call = modal::this_call();
  std::string seen;
  std::thread asking([&call, &seen] {
    call.log("asked from another thread");
    seen = call.id().to_string() + (call.stop_requested() ? " stopped" : " goes on");
    (void)call.stop_token();
  });
  asking.join();
  return seen;
}

}  // namespace outcomes

MODAL_FUNCTION(outcomes::run)
MODAL_FUNCTION(outcomes::ask_elsewhere)

namespace {

modal::executor_config quiet() {
  return {.address = "127.0.0.1", .port = 0, .threads = 2, .log = [](const modal::log_record&) {}};
}

}  // namespace

TEST_CASE("outcomes: each handler runs once, no call runs twice, and none after stop",
          "[integration][outcomes]") {
  {
    const std::scoped_lock lock(outcomes::mutex);
    outcomes::runs.clear();
  }
  constexpr std::size_t count = 400;
  std::vector<std::atomic<int>> handled(count);
  std::atomic<std::size_t> succeeded{0};
  std::atomic<std::size_t> over{0};
  modal::executor executor{quiet()};
  executor.start();
  {
    modal::client client(executor.url());
    const auto call = modal::remote<outcomes::run>.on(client).with({.retries = 0});
    for (std::size_t i = 0; i < count; ++i) {
      modal::async(call, static_cast<int>(i), [&, i](modal::result<int> result) {
        handled[i].fetch_add(1);
        if (result && *result == static_cast<int>(i)) succeeded.fetch_add(1);
        over.fetch_add(1);
      });
      auto spawned = call.spawn(-1);
      if (i % 3 == 0) spawned.cancel();
      if (i != count / 2) continue;
      while (succeeded < 20) std::this_thread::yield();
      executor.stop();
    }
  }  // the client ends what is under way
  CHECK(over == count);
  for (const auto& times : handled) CHECK(times == 1);
  const std::scoped_lock lock(outcomes::mutex);
  for (const auto& id : outcomes::runs) CHECK(outcomes::runs.count(id) == 1);
  // Success is reported of what ran, and of nothing else; what ran may have been cancelled.
  CHECK(succeeded <= outcomes::runs.size());
}

TEST_CASE("outcomes: what a call knows is known to threads of its function",
          "[integration][outcomes]") {
  modal::executor executor{quiet()};
  executor.start();
  modal::client client(executor.url());
  auto handle = modal::remote<outcomes::ask_elsewhere>.on(client).spawn();
  const std::string seen = handle.get();
  CHECK(seen == handle.id().to_string() + " goes on");
}
