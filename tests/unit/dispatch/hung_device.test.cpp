// SPDX-License-Identifier: Apache-2.0
// A device that does not end what it was given.
#include <modal/function.hpp>

#include "device/cuda/cuda_device.hpp"
#include "dispatch/arriving_segments.hpp"
#include "support/strict_driver.hpp"
#include "support/wire.hpp"
#include "unit/dispatch/fake_calls.hpp"

using namespace test;

namespace hung_devices {

modal::device_vector<int> passed_on(modal::device_span<const int> values) {
  modal::device_vector<int> made(values.size());
  modal::detail::device_value(modal::gpu::current_stream()->copy(
      made.data(), values.data(), values.size_bytes(), modal::gpu::copy_kind::on_device));
  return made;
}

int add(int a, int b) { return a + b; }

}  // namespace hung_devices

namespace {

constexpr std::size_t size = 100'000;

struct hung_bench {
  explicit hung_bench(std::chrono::nanoseconds patience)
      : table(driver.table()),
        slot(std::make_shared<device_slot>(
            std::make_shared<cuda_device>(table, find_cuda_devices(table).value().front()),
            patience)),
        calls(std::make_unique<dispatcher>(functions(), make_config())) {
    calls->start();
  }

  static catalog functions() {
    catalog made;
    auto of_gpu = make_descriptor<hung_devices::passed_on>();
    of_gpu.device = device_use::cuda;
    REQUIRE(made.add(std::move(of_gpu)).has_value());
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
  std::shared_ptr<counting_sink> call(std::chrono::microseconds timeout, const A&... arguments) {
    const auto bytes = test::encode(arguments...);
    const auto function = make_descriptor<F>();
    call_head head;
    head.function = function.name;
    head.signature = function.signature().id;
    head.timeout = timeout;
    buffer body = pool.take(bytes.size());
    std::memcpy(body.data(), bytes.data(), bytes.size());
    auto admitted = calls->admit(std::move(head), encoding::binary, bytes.size());
    REQUIRE(admitted.has_value());
    auto sink = std::make_shared<counting_sink>();
    calls->submit(*std::move(admitted), std::move(body), sink);
    return sink;
  }
  std::shared_ptr<counting_sink> pass_on(std::chrono::microseconds timeout = 0us) {
    return call<hung_devices::passed_on>(timeout, std::vector<int>(size, 7));
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
  const auto late = b.pass_on(20ms);
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
    CHECK_THAT(next.failure->details().message, contains("long after its deadline"));
  }
  CHECK(b.locked() == kept);
  CHECK_FALSE(b.call<hung_devices::add>(0us, 1, 2)->get().failure);
  CHECK(b.calls->stop(30s, 30s) == 0);
  {
    const std::scoped_lock lock(b.mutex);
    REQUIRE(b.logged.size() == 1);
    CHECK_THAT(b.logged[0], contains("cuda:0"));
    CHECK_THAT(b.logged[0], contains("long after its deadline"));
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
  const auto late = b.pass_on(20ms);
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
