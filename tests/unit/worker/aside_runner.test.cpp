// SPDX-License-Identifier: Apache-2.0
#include "worker/aside_runner.hpp"

#include "support/catch.hpp"

#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using modal::detail::aside_runner;

TEST_CASE("aside runner: requests every stop", "[worker][aside_runner]") {
  aside_runner runner;
  std::vector<std::stop_source> all(100);
  for (auto& each : all) runner.request(each);
  CHECK(runner.wait_idle(60s));
  for (auto& each : all) CHECK(each.stop_requested());
}

TEST_CASE("aside runner: a callback that blocks delays no other", "[worker][aside_runner]") {
  std::promise<void> release;
  auto released = release.get_future().share();
  aside_runner runner;
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

TEST_CASE("aside runner: goes while a callback blocks", "[worker][aside_runner]") {
  std::promise<void> release;
  std::promise<void> entered;
  std::stop_source blocks;
  const std::stop_callback blocking(blocks.get_token(),
                                    [&entered, released = release.get_future().share()] {
                                      entered.set_value();
                                      released.wait();
                                    });
  {
    aside_runner runner;
    runner.request(blocks);
    entered.get_future().wait();
  }
  release.set_value();
}

TEST_CASE("aside runner: ends what was given to it on another thread", "[worker][aside_runner]") {
  struct thing {
    explicit thing(std::promise<std::thread::id>& tells) : told(tells) {}
    ~thing() { told.set_value(std::this_thread::get_id()); }
    std::promise<std::thread::id>& told;
  };
  std::promise<std::thread::id> first;
  std::promise<std::thread::id> second;
  aside_runner runner;
  std::vector<std::shared_ptr<const void>> last(3);
  last.front() = std::make_shared<thing>(first);
  last.back() = std::make_shared<thing>(second);
  runner.end(std::move(last));
  runner.end({});
  CHECK(runner.wait_idle(60s));
  CHECK(first.get_future().get() != std::this_thread::get_id());
  CHECK(second.get_future().get() != std::this_thread::get_id());
}
