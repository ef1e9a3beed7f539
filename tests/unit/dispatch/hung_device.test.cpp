// SPDX-License-Identifier: Apache-2.0
// A device that does not end what it was given.
#include <modal/function.hpp>

#include "device/cuda/cuda_device.hpp"
#include "device/host/host_device.hpp"
#include "dispatch/arriving_segments.hpp"
#include "support/strict_driver.hpp"
#include "support/wire.hpp"
#include "unit/dispatch/fake_calls.hpp"

#include <semaphore>

using namespace test;

namespace hung_devices {

modal::device_vector<int> passed_on(modal::device_span<const int> values) {
  modal::device_vector<int> made(values.size());
  modal::detail::device_value(modal::gpu::current_stream()->copy(
      made.data(), values.data(), values.size_bytes(), modal::gpu::copy_kind::on_device));
  return made;
}

// The same, with less time.
modal::device_vector<int> hasty(modal::device_span<const int> values) { return passed_on(values); }

int add(int a, int b) { return a + b; }

std::counting_semaphore<4> released{0};

// Comes back when nobody waits for it any more.
modal::device_vector<int> late(modal::device_span<const int> values) {
  released.acquire();
  return modal::device_vector<int>(values.size());
}

}  // namespace hung_devices

namespace {

constexpr std::size_t size = 100'000;

template <auto& F, class... A>
std::shared_ptr<counting_sink> start(dispatcher& calls, buffer_pool& pool,
                                     std::chrono::microseconds timeout, const A&... arguments) {
  const auto bytes = test::encode(arguments...);
  const auto function = make_descriptor<F>();
  call_head head;
  head.function = function.name;
  head.signature = function.signature().id;
  head.timeout = timeout;
  buffer body = pool.take(bytes.size());
  std::memcpy(body.data(), bytes.data(), bytes.size());
  auto admitted = calls.admit(std::move(head), encoding::binary, bytes.size());
  REQUIRE(admitted.has_value());
  auto sink = std::make_shared<counting_sink>();
  calls.submit(*std::move(admitted), std::move(body), sink);
  return sink;
}

struct hung_bench {
  explicit hung_bench(std::chrono::nanoseconds patience,
                      std::size_t pinned_bytes = default_pinned_bytes)
      : table(driver.table()),
        slot(std::make_shared<device_slot>(
            std::make_shared<cuda_device>(table, find_cuda_devices(table).value().front(),
                                          cuda_device_config{.pinned_bytes = pinned_bytes}),
            patience)),
        calls(std::make_unique<dispatcher>(functions(), make_config())) {
    calls->start();
  }

  static catalog functions() {
    catalog made;
    for (auto of_gpu : {make_descriptor<hung_devices::passed_on>(),
                        make_descriptor<hung_devices::hasty>({.timeout = 20ms}),
                        make_descriptor<hung_devices::late>({.timeout = 50ms})}) {
      of_gpu.device = device_use::cuda;
      REQUIRE(made.add(std::move(of_gpu)).has_value());
    }
    REQUIRE(made.add(make_descriptor<hung_devices::add>()).has_value());
    return made;
  }
  dispatcher_config make_config() {
    dispatcher_config config{.threads = 1};
    config.devices.push_back(slot);
    config.log = [this](const log_record& record) {
      const std::scoped_lock lock(mutex);
      logged.emplace_back(record.message);
    };
    return config;
  }
  template <auto& F, class... A>
  std::shared_ptr<counting_sink> call(const A&... arguments) {
    return start<F>(*calls, pool, 0us, arguments...);
  }
  std::shared_ptr<counting_sink> pass_on() {
    return call<hung_devices::passed_on>(std::vector<int>(size, 7));
  }
  std::shared_ptr<counting_sink> pass_on_hastily() {
    return call<hung_devices::hasty>(std::vector<int>(size, 7));
  }
  [[nodiscard]] std::size_t locked() const { return slot->which().pinned().memory().used; }
  void wait_until_nothing_runs() const {
    while (calls->snapshot().running != 0) std::this_thread::yield();
  }

  strict_driver driver;
  cuda::driver table;
  buffer_pool pool;
  std::mutex mutex;
  std::vector<std::string> logged;
  std::shared_ptr<device_slot> slot;
  std::unique_ptr<dispatcher> calls;
};

}  // namespace

TEST_CASE("hung device: is given up some time after a call's deadline, and others go on",
          "[dispatch][device_run]") {
  hung_bench b(20ms);
  b.driver.hang();
  const auto late = b.pass_on_hastily();
  CHECK(late->get().is(errc::deadline_exceeded));
  b.wait_until_nothing_runs();
  CHECK(late->count() == 1);
  CHECK(b.slot->which().is_given_up());
  CHECK(b.calls->snapshot().devices[0].has_failed);

  // What comes next is told why, and costs nothing.
  const std::size_t kept = b.locked();
  CHECK(kept >= 2 * size * sizeof(int));  // the copies of the body and of the result
  for (int i = 0; i < 3; ++i) {
    const outcome next = b.pass_on()->get();
    REQUIRE(next.is(errc::device_fault));
    CHECK_THAT(next.failure->details().message, contains("long after its function's timeout"));
  }
  CHECK(b.locked() == kept);
  CHECK_FALSE(b.call<hung_devices::add>(1, 2)->get().failure);
  CHECK(b.calls->stop(30s, 30s) == 0);
  {
    const std::scoped_lock lock(b.mutex);
    REQUIRE(b.logged.size() == 1);
    CHECK_THAT(b.logged[0], contains("cuda:0"));
    CHECK_THAT(b.logged[0], contains("long after its function's timeout"));
  }
  // Should it end after all, it writes where nobody else has anything.
  b.calls.reset();
  b.driver.go_on();
  CHECK(b.locked() == kept);
  CHECK(b.driver.complaints() == std::vector<std::string>{});
}

TEST_CASE("hung device: all its calls end, those that are in time too", "[dispatch][device_run]") {
  hung_bench b(20ms);
  b.driver.hang();
  const auto late = b.pass_on_hastily();
  const auto in_time = b.pass_on();
  CHECK(late->get().is(errc::deadline_exceeded));
  CHECK(in_time->get().is(errc::device_fault));
  b.wait_until_nothing_runs();
  CHECK(in_time->count() == 1);
  CHECK(b.calls->stop(30s, 30s) == 0);
  CHECK(b.driver.complaints() == std::vector<std::string>{});
}

TEST_CASE("hung device: a stop does not wait for it", "[dispatch][device_run]") {
  hung_bench b(1h);
  b.driver.hang();
  const auto first = b.pass_on();
  const auto second = b.pass_on();
  while (b.calls->snapshot().devices[0].calls != 2) std::this_thread::yield();
  CHECK(b.calls->stop(0s, 20ms) == 0);
  CHECK(first->get().is(errc::cancelled));
  CHECK(second->get().is(errc::cancelled));
  CHECK(first->count() == 1);
  CHECK(b.locked() >= 2 * size * sizeof(int));
  b.calls.reset();
  b.driver.go_on();
  CHECK(b.driver.complaints() == std::vector<std::string>{});
}

TEST_CASE("hung device: a body that was given up half way is kept", "[dispatch][segments]") {
  hung_bench b(20ms);
  b.driver.hang();
  {
    arriving_segments segments(b.slot, nullptr);
    std::promise<void> told;
    const segment_part due{0, 0, 8 * arriving_segments::piece_bytes};
    REQUIRE(segments.find_room(due, [&told] { told.set_value(); }).value().empty());
    told.get_future().wait();
    const auto room = segments.find_room(due, {}).value();
    REQUIRE_FALSE(room.empty());
    REQUIRE_FALSE(segments.find_room({0, room.size(), due.left - room.size()}, {}).value().empty());
  }
  CHECK(b.slot->wait_quiet(never));
  CHECK(b.slot->which().is_given_up());
  CHECK(b.locked() == arriving_segments::pieces * arriving_segments::piece_bytes);
  b.calls->stop(30s, 30s);
  b.driver.go_on();
  CHECK(b.driver.complaints() == std::vector<std::string>{});
}

TEST_CASE("hung device: one that is slow, or has a late function or a hasty caller, is none",
          "[dispatch][device_run]") {
  // 100 MB/s: a copy of 4 MiB takes 40 ms, which is more than the patience.
  const auto slot = std::make_shared<device_slot>(
      std::make_shared<host_device>(host_device_config{.copy_bytes_per_second = 100'000'000}),
      10ms);
  catalog functions;
  REQUIRE(functions.add(make_descriptor<hung_devices::late>({.timeout = 100ms})).has_value());
  REQUIRE(functions.add(make_descriptor<hung_devices::passed_on>()).has_value());
  dispatcher_config config{.threads = 2};
  config.devices.push_back(slot);
  dispatcher calls(functions, std::move(config));
  calls.start();
  buffer_pool pool;
  const std::vector<int> values(1 << 20, 7);
  const auto patient = start<hung_devices::passed_on>(calls, pool, 0us, values);
  const auto hasty = start<hung_devices::passed_on>(calls, pool, 1ms, values);
  CHECK(hasty->get().is(errc::deadline_exceeded));
  CHECK_FALSE(patient->get().failure);
  const auto late = start<hung_devices::late>(calls, pool, 0us, values);
  CHECK(late->get().is(errc::deadline_exceeded));
  hung_devices::released.release();
  while (calls.snapshot().running != 0) std::this_thread::yield();
  CHECK_FALSE(slot->which().is_given_up());
  calls.stop(30s, 30s);
}

TEST_CASE("hung device: is found where there is no locked memory, too", "[dispatch][device_run]") {
  hung_bench b(20ms, 0);
  b.driver.allow_pageable();
  CHECK_FALSE(b.pass_on()->get().failure);
  // In truth the driver holds up the worker in its copy of the result: that is complained of, once.
  b.driver.hang();
  CHECK(b.pass_on_hastily()->get().failure);
  b.wait_until_nothing_runs();
  while (!b.slot->which().is_given_up()) std::this_thread::yield();
  CHECK(b.calls->stop(30s, 30s) == 0);
  CHECK(b.driver.complaints() == std::vector<std::string>{"copy_to_host waits for ever"});
}

TEST_CASE("hung device: a late function's result may come to memory that is not locked",
          "[dispatch][device_run]") {
  hung_bench b(10ms, 0);
  b.driver.allow_pageable();
  const auto late = b.call<hung_devices::late>(std::vector<int>(size, 7));
  CHECK(late->get().is(errc::deadline_exceeded));
  hung_devices::released.release();
  b.wait_until_nothing_runs();
  CHECK(b.slot->wait_quiet(never));
  CHECK_FALSE(b.slot->which().is_given_up());
  CHECK(b.calls->stop(30s, 30s) == 0);
}
