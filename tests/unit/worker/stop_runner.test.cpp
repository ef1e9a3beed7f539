// SPDX-License-Identifier: Apache-2.0
#include "worker/stop_runner.hpp"

#include "support/catch.hpp"

#include <future>
#include <optional>
#include <vector>

using namespace std::chrono_literals;
using modal::detail::stop_runner;

TEST_CASE("stop runner: requests every stop", "[worker][stop_runner]") {
  stop_runner runner;
  std::vector<std::stop_source> all(100);
  for (auto& each : all) runner.request(each);
  CHECK(runner.wait_idle(60s));
  for (auto& each : all) CHECK(each.stop_requested());
}

TEST_CASE("stop runner: a callback that blocks delays no other", "[worker][stop_runner]") {
  std::promise<void> release;
  auto released = release.get_future().share();
  stop_runner runner;
  std::stop_source blocks;
  std::promise<void> entered;
  const std::stop_callback blocking(blocks.get_token(), [&] {
    entered.set_value();
    released.wait();
  });
  runner.request(blocks);
  entered.get_future().wait();
  CHECK(!runner.wait_idle(0s));
  std::stop_source other;
  std::promise<void> told;
  const std::stop_callback tells(other.get_token(), [&] { told.set_value(); });
  runner.request(other);
  CHECK(told.get_future().wait_for(60s) == std::future_status::ready);
  release.set_value();
  CHECK(runner.wait_idle(60s));
}

TEST_CASE("stop runner: goes while a callback blocks", "[worker][stop_runner]") {
  std::promise<void> release;
  std::promise<void> entered;
  std::stop_source blocks;
  const std::stop_callback blocking(blocks.get_token(),
                                    [&entered, released = release.get_future().share()] {
                                      entered.set_value();
                                      released.wait();
                                    });
  {
    stop_runner runner;
    runner.request(blocks);
    entered.get_future().wait();
  }
  release.set_value();
}
