// SPDX-License-Identifier: Apache-2.0
// Functions that take and return device memory, on the host device, called by those that know
// nothing of devices.
#include "integration/serving.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <semaphore>
#include <stdexcept>
#include <thread>
#include <vector>

namespace on_device {

std::counting_semaphore<64> entered{0};
std::counting_semaphore<64> released{0};

modal::device_vector<float> saxpy(float a, modal::device_span<const float> x,
                                  modal::device_span<const float> y) {
  modal::device_vector<float> made(x.size());
  const modal::device_span<float> out = made;
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = a * x[i] + y[i];
  return made;
}

double total(modal::device_span<const double> values, const std::string& what) {
  if (what == "throw") throw std::runtime_error("cannot add");
  return std::accumulate(values.begin(), values.end(), 0.0);
}

modal::device_vector<std::uint8_t> too_much(std::uint64_t size) {
  return modal::device_vector<std::uint8_t>(size);
}

int hold(modal::device_span<const int> values) {
  entered.release();
  released.acquire();
  return static_cast<int>(values.size());
}

int add(int a, int b) { return a + b; }

int fail_until(modal::device_span<const int> values, int attempt) {
  if (modal::this_call().attempt() < attempt) throw std::runtime_error("not yet");
  return values.empty() ? 0 : values[0];
}

}  // namespace on_device

MODAL_FUNCTION(on_device::saxpy)
MODAL_FUNCTION(on_device::total)
MODAL_FUNCTION(on_device::too_much)
MODAL_FUNCTION(on_device::hold)
MODAL_FUNCTION(on_device::add)
MODAL_FUNCTION(on_device::fail_until, .retries = 2, .retry_delay = 0ms)

namespace {

using namespace std::chrono_literals;
using modal::errc;
using modal::remote;

std::vector<float> ramp(std::size_t size) {
  std::vector<float> made(size);
  std::iota(made.begin(), made.end(), 0.F);
  return made;
}

bool is_saxpy(const std::vector<float>& result, float a, const std::vector<float>& x,
              const std::vector<float>& y) {
  if (result.size() != x.size()) return false;
  for (std::size_t i = 0; i < x.size(); ++i)
    if (result[i] != a * x[i] + y[i]) return false;
  return true;
}

}  // namespace

TEST_CASE("devices: a function of device memory is called with what lies on the host",
          "[integration][devices]") {
  auto config = quiet_config();
  config.host_devices = GENERATE(1U, 3U);
  serving s(config);
  const auto saxpy = remote<on_device::saxpy>.on(s.client);
  for (const std::size_t size : {0U, 1U, 1000U, 100'000U, 1'000'000U}) {
    const auto x = ramp(size);
    const std::vector<float> y(size, .5F);
    CHECK(is_saxpy(saxpy(2.F, x, y), 2.F, x, y));
  }
  const std::vector<double> values(1000, .25);
  CHECK(remote<on_device::total>.on(s.client)(values, "all") == 250);
}

TEST_CASE("devices: in this process too, and by JSON", "[integration][devices]") {
  const auto x = ramp(50'000);
  const std::vector<float> y(x.size(), 1.F);
  CHECK(is_saxpy(remote<on_device::saxpy>(3.F, x, y), 3.F, x, y));
  auto config = quiet_config();
  config.address.clear();
  modal::executor mounted{config};
  mounted.start();
  const auto answer = mounted.handle({.method = "POST",
                                      .target = "/v1/functions/on_device::saxpy/call",
                                      .headers = {{"content-type", "application/json"}},
                                      .body = R"({"args":[2,[1,2,3],[4,5,6]]})"});
  CHECK(answer.status == 200);
  CHECK(answer.body.find(R"("result":[6,9,12])") != std::string::npos);
}

TEST_CASE("devices: many calls at once give each its own", "[integration][devices]") {
  auto config = quiet_config();
  config.host_devices = 2;
  serving s(config);
  const auto saxpy = remote<on_device::saxpy>.on(s.client);
  std::vector<std::thread> callers;
  std::atomic<int> right{0};
  for (int caller = 0; caller < 4; ++caller)
    callers.emplace_back([&, caller] {
      for (std::size_t i = 0; i < 25; ++i) {
        const auto x = ramp(1000 + 7000 * (i % 5));
        const std::vector<float> y(x.size(), static_cast<float>(caller));
        right += is_saxpy(saxpy(static_cast<float>(i), x, y), static_cast<float>(i), x, y);
      }
    });
  for (auto& each : callers) each.join();
  CHECK(right == 100);
}

TEST_CASE("devices: large arguments and results do without locked memory where there is none",
          "[integration][devices]") {
  auto config = quiet_config();
  config.pinned_memory = GENERATE(0U, 1U << 20, 64U << 20);
  serving s(config);
  std::vector<std::thread> callers;
  std::atomic<int> right{0};
  for (int caller = 0; caller < 3; ++caller)
    callers.emplace_back([&, caller] {
      for (int i = 0; i < 5; ++i) {
        const auto x = ramp(300'000);
        const std::vector<float> y(x.size(), static_cast<float>(caller));
        right += is_saxpy(remote<on_device::saxpy>.on(s.client)(2.F, x, y), 2.F, x, y);
      }
    });
  for (auto& each : callers) each.join();
  CHECK(right == 15);
}

TEST_CASE("devices: what fails says how", "[integration][devices]") {
  auto config = quiet_config();
  config.host_device_memory = 1 << 20;
  serving s(config);
  const auto thrown =
      remote<on_device::total>.on(s.client).try_call(std::vector<double>(10), "throw");
  REQUIRE(thrown.has_error());
  CHECK(thrown.error() == errc::function_failed);
  CHECK(thrown.error().details().exception_type == "std::runtime_error");
  const auto inside = remote<on_device::too_much>.on(s.client).try_call(2'000'000U);
  REQUIRE(inside.has_error());
  CHECK(inside.error() == errc::device_out_of_memory);
  CHECK(inside.error() == modal::condition::retry_later);
  const auto outside =
      remote<on_device::total>.on(s.client).try_call(std::vector<double>(200'000), "all");
  REQUIRE(outside.has_error());
  INFO(outside.error().message());
  CHECK(outside.error() == errc::device_out_of_memory);
  // What can only be for the device, and has no room there, is not even read.
  const auto unread =
      remote<on_device::saxpy>.on(s.client).try_call(2.F, ramp(200'000), ramp(200'000));
  REQUIRE(unread.has_error());
  CHECK(unread.error() == errc::too_large);
  CHECK_THAT(unread.error().message(), test::contains("which no device has"));
  // Nothing of it is left on the device.
  CHECK(remote<on_device::too_much>.on(s.client)(1U << 20).size() == 1 << 20);
  CHECK(remote<on_device::fail_until>.on(s.client)(std::vector<int>{7}, 3) == 7);
}

TEST_CASE("devices: none there is an error that says so", "[integration][devices]") {
  auto config = quiet_config();
  config.host_devices = 0;
  serving s(config);
  const auto refused = remote<on_device::saxpy>.on(s.client).try_call(1.F, ramp(3), ramp(3));
  REQUIRE(refused.has_error());
  CHECK(refused.error() == errc::no_device);
  CHECK(remote<on_device::add>.on(s.client)(1, 2) == 3);
}

TEST_CASE("devices: while copies are under way, workers run other calls",
          "[integration][devices]") {
  auto config = quiet_config();
  config.threads = 1;
  config.host_device_copy_rate = 4'000'000;  // a second for what is sent below
  serving s(config);
  const std::vector<double> values(500'000, 1.0);
  const auto slow = remote<on_device::total>.on(s.client).spawn(values, "all");
  // It is on its way when the executor says that it runs, and its only worker is free.
  while (s.executor.stats().running == 0) std::this_thread::yield();
  CHECK(remote<on_device::add>.on(s.client)(1, 2) == 3);
  CHECK(slow.get() == 500'000);
}

TEST_CASE("devices: a call that ends early leaves nothing behind", "[integration][devices]") {
  auto config = quiet_config();
  config.host_device_copy_rate = 20'000'000;
  config.host_device_memory = 4'000'000;
  serving s(config);
  const std::vector<double> values(500'000, 1.0);  // all of the device, for 200 ms
  SECTION("by its deadline") {
    CHECK(
        remote<on_device::total>.on(s.client).with({.timeout = 50ms}).try_call(values, "all").error() ==
        modal::condition::deadline);
  }
  SECTION("because it is cancelled") {
    auto call = remote<on_device::total>.on(s.client).spawn(values, "all");
    while (s.executor.stats().running == 0) std::this_thread::yield();
    call.cancel();
    CHECK(call.try_get().error() == modal::condition::cancelled);
  }
  // The device is free when what was under way is done.
  for (;;) {
    const auto again = remote<on_device::total>.on(s.client).try_call(values, "all");
    if (again) {
      CHECK(*again == 500'000);
      break;
    }
    INFO(again.error().message());
    REQUIRE(again.error() == errc::device_out_of_memory);
  }
}

TEST_CASE("devices: a stop ends what a device is busy with", "[integration][devices]") {
  auto config = quiet_config();
  config.host_device_copy_rate = 20'000'000;
  config.grace = 0ms;
  std::optional<modal::call_handle<double>> call;
  const std::vector<double> values(500'000, 1.0);
  {
    serving s(config);
    call.emplace(remote<on_device::total>.on(s.client).spawn(values, "all"));
    while (s.executor.stats().running == 0) std::this_thread::yield();
    s.executor.stop();
    CHECK(call->try_get().has_error());
  }
}

TEST_CASE("devices: the report says where the time went", "[integration][devices]") {
  auto config = quiet_config();
  config.host_device_copy_rate = 100'000'000;
  serving s(config);
  const auto x = ramp(250'000);  // 10 ms each way
  auto call = remote<on_device::saxpy>.on(s.client).spawn(2.F, x, x);
  (void)call.get();
  const auto report = call.report().device;
  CHECK(report.name == "host:0");
  CHECK(report.bytes_up == 2'000'000);
  CHECK(report.bytes_down == 1'000'000);
  CHECK(report.path == modal::transfer_path::host);
  CHECK(report.upload >= 20ms);
  CHECK(report.download >= 10ms);
  CHECK(report.run > 0ns);
  CHECK(report.run < call.report().total);
  auto none = remote<on_device::add>.on(s.client).spawn(1, 2);
  none.wait();
  CHECK(none.report().device.name.empty());
}
