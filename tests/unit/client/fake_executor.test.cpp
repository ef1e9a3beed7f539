// SPDX-License-Identifier: Apache-2.0
#include <modal/testing.hpp>

#include "support/catch.hpp"
#include "support/wire.hpp"

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using modal::errc;
using modal::remote;
using modal::testing::fake_executor;

// Declared only: a caller's program has no more.
namespace faked {
int add(int a, int b);
std::string_view name_of(std::span<const float> values);
void nothing();
template <class T>
T twice(T value);

struct refused : std::runtime_error {
  using runtime_error::runtime_error;
};
}  // namespace faked

MODAL_EXCEPTION(faked::refused)

TEST_CASE("fake executor: answers by script", "[client][fake_executor]") {
  fake_executor fake;
  fake.on<faked::add>([](int a, int b) { return a * 100 + b; });
  fake.on<faked::name_of>([](auto values) { return std::to_string(values.size()); });
  fake.on<faked::nothing>([] {});
  auto client = fake.client();
  CHECK(remote<faked::add>.on(client)(1, 2) == 102);
  CHECK(remote<faked::add>.on(client).spawn(3, 4).get() == 304);
  CHECK(remote<faked::name_of>.on(client)(std::vector<float>(5000)) == "5000");
  CHECK_NOTHROW(remote<faked::nothing>.on(client)());
  CHECK(fake.attempts<faked::add>() == 2);
}

TEST_CASE("fake executor: scripts follow each other", "[client][fake_executor]") {
  fake_executor fake;
  fake.fail<faked::add>(errc::queue_full, "busy", {.times = 2});
  fake.on<faked::add>([](int a, int b) { return a + b; }, {.times = 1});
  fake.fail<faked::add>(errc::draining, "gone");
  auto client = fake.client();
  const auto add = remote<faked::add>.on(client).with({.retries = 2, .retry_delay = 0ms});
  CHECK(add(1, 2) == 3);
  CHECK(fake.attempts<faked::add>() == 3);
  CHECK(add.try_call(1, 2).error() == errc::draining);
  CHECK(fake.attempts<faked::add>() == 6);
}

TEST_CASE("fake executor: throws what an answer throws", "[client][fake_executor]") {
  fake_executor fake;
  fake.on<faked::add>([](int a, int) -> int {
    if (a == 0) throw faked::refused("zero");
    throw modal::call_error(modal::error(errc::result_too_large, "large"));
  });
  auto client = fake.client();
  CHECK_THROWS_AS(remote<faked::add>.on(client)(0, 0), faked::refused);
  CHECK(remote<faked::add>.on(client).try_call(1, 0).error() == errc::result_too_large);
}

TEST_CASE("fake executor: has no function without a script", "[client][fake_executor]") {
  fake_executor fake;
  auto client = fake.client();
  const auto missing = remote<faked::add>.on(client).try_call(1, 2);
  CHECK(missing.error() == errc::unknown_function);
  CHECK_THAT(missing.error().message(), test::contains("no script for faked::add"));
}

TEST_CASE("fake executor: names fixed by hand", "[client][fake_executor]") {
  fake_executor fake;
  fake.on_as<faked::twice<int>>("twice", [](int value) { return 2 * value; });
  auto client = fake.client();
  CHECK(modal::remote_as<faked::twice<int>>("twice").on(client)(4) == 8);
  CHECK(fake.attempts_as("twice") == 1);
}

TEST_CASE("fake executor: a delay beyond the deadline ends the call", "[client][fake_executor]") {
  fake_executor fake;
  fake.on<faked::add>([](int a, int b) { return a + b; }, {.delay = 1h});
  auto client = fake.client();
  const auto add = remote<faked::add>.on(client);
  CHECK(add.with({.timeout = 1ms}).try_call(1, 2).error() == errc::deadline_exceeded);
  auto waiting = add.spawn(1, 2);
  waiting.cancel();
  CHECK(waiting.try_get().error() == errc::cancelled);
}

TEST_CASE("fake executor: answers what waits when it goes", "[client][fake_executor]") {
  auto fake = std::make_unique<fake_executor>();
  fake->on<faked::add>([](int a, int b) { return a + b; }, {.delay = 1h});
  auto client = fake->client();
  auto waiting = remote<faked::add>.on(client).with({.retries = 0}).spawn(1, 2);
  while (fake->attempts<faked::add>() == 0) std::this_thread::yield();
  fake.reset();
  CHECK(waiting.try_get().error() == errc::connection_lost);
}
