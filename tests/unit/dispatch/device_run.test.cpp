// SPDX-License-Identifier: Apache-2.0
#include "dispatch/device_run.hpp"

#include <modal/function.hpp>

#include "device/cuda/cuda_device.hpp"
#include "support/faulty_device.hpp"
#include "support/strict_driver.hpp"
#include "support/wire.hpp"
#include "unit/dispatch/fake_calls.hpp"

#include <numeric>

using namespace test;

namespace device_runs {

std::atomic<int> runs{0};

modal::device_vector<int> twice(modal::device_span<const int> values,
                                modal::device_span<const int> offsets) {
  ++runs;
  modal::device_vector<int> made(values.size());
  const modal::device_span<int> out = made;
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = 2 * values[i] + offsets[0];
  return made;
}

// What a GPU does, by the means of a stream alone.
modal::device_vector<int> passed_on(modal::device_span<const int> values) {
  ++runs;
  modal::device_vector<int> made(values.size());
  const auto there = modal::this_call().scratch<int>(values.size());
  const auto stream = modal::this_call().stream();
  stream.copy(there.data(), values.data(), values.size_bytes(), modal::gpu::copy_kind::on_device);
  stream.copy(made.data(), there.data(), there.size_bytes(), modal::gpu::copy_kind::on_device);
  return made;
}

std::string where(modal::device_span<const int> values) {
  const auto& device = modal::this_call().device();
  auto memory = modal::this_call().memory();
  char* const some = memory.allocate(3'000'000);
  memory.deallocate(some, 3'000'000);
  (void)modal::this_call().scratch<int>(500'000);
  return std::string(device.name) + ", " + std::string(device.model) + ", " +
         std::to_string(device.index) + ", " + std::to_string(device.memory_bytes) + ", " +
         std::to_string(values.size());
}

// A function that needs most of a device for each of its calls.
modal::device_vector<int> hungry(modal::device_span<const int> values) { return passed_on(values); }

// What code that uses CUDA's own functions has to find.
int is_at_home(modal::device_span<const int> values) {
  ++runs;
  return strict_driver::is_in_context_of(modal::gpu::current_stream()->native_handle()) &&
         values.empty();
}

}  // namespace device_runs

namespace {

catalog some_device_functions() {
  catalog made;
  REQUIRE(made.add(make_descriptor<device_runs::twice>()).has_value());
  REQUIRE(made.add(make_descriptor<device_runs::where>()).has_value());
  REQUIRE(made.add(make_descriptor<device_runs::hungry>({.gpu_memory = 600_MiB})).has_value());
  for (auto of_gpu :
       {make_descriptor<device_runs::passed_on>(), make_descriptor<device_runs::is_at_home>()}) {
    of_gpu.device = device_use::cuda;
    REQUIRE(made.add(std::move(of_gpu)).has_value());
  }
  return made;
}

// A dispatcher with one device, and a call of `twice`.
struct device_bench {
  device_bench(std::shared_ptr<device> which, std::size_t threads = 1)
      : device_bench(make_config(std::move(which), threads)) {}
  explicit device_bench(dispatcher_config config)
      : calls(some_device_functions(), std::move(config)) {
    calls.start();
  }
  ~device_bench() { calls.stop(30s, 30s); }

  static dispatcher_config make_config(std::shared_ptr<device> which, std::size_t threads) {
    dispatcher_config config{.threads = threads};
    config.devices.push_back(std::make_shared<device_slot>(std::move(which)));
    return config;
  }

  std::shared_ptr<counting_sink> call(std::size_t size, int offset) {
    return call<device_runs::twice>(numbers(size), std::vector<int>{offset});
  }
  static std::vector<int> numbers(std::size_t size) {
    std::vector<int> values(size);
    std::iota(values.begin(), values.end(), 0);
    return values;
  }
  template <auto& F, class... A>
  std::shared_ptr<counting_sink> call(const A&... arguments) {
    const auto bytes = test::encode(arguments...);
    const auto function = make_descriptor<F>();
    buffer body = pool.take(bytes.size());
    std::memcpy(body.data(), bytes.data(), bytes.size());
    call_head head;
    head.function = function.name;
    head.signature = function.signature().id;
    auto admitted = calls.admit(std::move(head), encoding::binary, bytes.size());
    REQUIRE(admitted.has_value());
    auto sink = std::make_shared<counting_sink>();
    calls.submit(*std::move(admitted), std::move(body), sink);
    return sink;
  }

  buffer_pool pool;
  dispatcher calls;
};

}  // namespace

TEST_CASE("device run: fails at every step in turn, once, and leaves nothing",
          "[dispatch][device_run]") {
  const auto what = GENERATE(errc::device_out_of_memory, errc::device_fault);
  const std::size_t size = GENERATE(100U, 100'000U);  // the copies of the latter take turns
  int number = 1;
  int failed_calls = 0;
  for (;; ++number) {
    INFO("operation " << number);
    const auto faulty = std::make_shared<faulty_device>(number, what);
    {
      device_bench b(faulty);
      const auto first = b.call(size, 1);
      const outcome answer = first->get();
      CHECK(first->count() == 1);
      // A call does not fail because nobody can say how long its parts took.
      if (faulty->was_reached() && (answer.failure || what == errc::device_fault)) {
        ++failed_calls;
        REQUIRE(answer.failure);
        CHECK(answer.is(what));
        CHECK(answer.failure->details().message == "injected");
      } else {
        CHECK_FALSE(answer.failure);
      }
      // What has failed once for want of memory works again.
      if (faulty->was_reached()) {
        const outcome again = b.call(size, 1)->get();
        CHECK(again.failure.has_value() == (what == errc::device_fault));
      }
    }
    CHECK(faulty->memory().used == 0);
    if (!faulty->was_reached()) break;
  }
  CHECK(number > 10);
  // All but the four notes of the time, of which a device that has failed cannot make one either.
  CHECK(failed_calls == number - 1 - (what == errc::device_fault ? 0 : 4));
}

TEST_CASE("device run: after a fault calls go to other devices, as long as there are some",
          "[dispatch][device_run]") {
  const auto faulty = std::make_shared<faulty_device>(3, errc::device_fault);
  std::promise<std::string> logged;
  auto config = device_bench::make_config(faulty, 1);
  config.log = [&logged](const log_record& record) {
    if (record.level == log_level::error) logged.set_value(std::string(record.message));
  };
  const bool has_other = GENERATE(true, false);
  if (has_other)
    config.devices.push_back(std::make_shared<device_slot>(
        std::make_shared<host_device>(host_device_config{.index = 1})));
  device_bench b(std::move(config));
  CHECK(b.call(100, 1)->get().is(errc::device_fault));
  CHECK_THAT(logged.get_future().get(), test::contains("host:0 has failed"));
  for (int i = 0; i < 5; ++i) CHECK(b.call(100, 1)->get().failure.has_value() == !has_other);
  CHECK(b.calls.snapshot().devices.at(0).has_failed);
}

TEST_CASE("device run: a device that holds up a copy holds up no worker",
          "[dispatch][device_run]") {
  std::promise<void> gate;
  const auto device = std::make_shared<host_device>(host_device_config{
      .on_copy = [held = gate.get_future().share()](gpu::copy_kind) { held.wait(); }});
  device_runs::runs = 0;
  device_bench b(device);
  std::vector<std::shared_ptr<counting_sink>> sinks;
  for (int i = 0; i < 4; ++i) sinks.push_back(b.call(100, i));
  // All four are with the device, though there is one worker.
  const auto until = std::chrono::steady_clock::now() + 30s;
  while (b.calls.snapshot().running != 4 && std::chrono::steady_clock::now() < until)
    std::this_thread::yield();
  CHECK(b.calls.snapshot().running == 4);
  CHECK(device_runs::runs == 0);
  gate.set_value();
  for (const auto& each : sinks) {
    CHECK_FALSE(each->get().failure);
    CHECK(each->count() == 1);
  }
  CHECK(device_runs::runs == 4);
}

TEST_CASE("device run: more calls than a device takes wait in the queue",
          "[dispatch][device_run]") {
  std::promise<void> gate;
  device_bench b(std::make_shared<host_device>(host_device_config{
      .on_copy = [held = gate.get_future().share()](gpu::copy_kind) { held.wait(); }}));
  std::vector<std::shared_ptr<counting_sink>> sinks;
  for (int i = 0; i < 6; ++i) sinks.push_back(b.call(100, i));
  const auto until = std::chrono::steady_clock::now() + 30s;
  while (b.calls.snapshot().running != 4 && std::chrono::steady_clock::now() < until)
    std::this_thread::yield();
  CHECK(b.calls.snapshot().running == 4);
  CHECK(b.calls.snapshot().waiting == 2);
  gate.set_value();
  for (const auto& each : sinks) CHECK_FALSE(each->get().failure);
}

TEST_CASE("device run: what needs memory waits for it in the queue, and others go on",
          "[dispatch][device_run]") {
  std::promise<void> gate;
  std::atomic<int> left{2};  // of the copies that are held up
  device_bench b(std::make_shared<host_device>(host_device_config{
      .memory_bytes = 1_GiB, .on_copy = [&left, held = gate.get_future().share()](gpu::copy_kind) {
        if (left-- > 0) held.wait();
      }}));
  const auto first = b.call<device_runs::hungry>(b.numbers(100));
  const auto second = b.call<device_runs::hungry>(b.numbers(100));
  const auto until = std::chrono::steady_clock::now() + 30s;
  const auto now = [&b] { return b.calls.snapshot(); };
  while (now().running != 1 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  CHECK(now().waiting == 1);
  CHECK(now().devices.at(0).reserved == 600_MiB);
  // What asks for nothing has its turn, with the one worker that there is.
  const auto third = b.call(100, 1);
  while (now().running != 2 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  CHECK(now().running == 2);
  CHECK(now().waiting == 1);
  gate.set_value();
  for (const auto& each : {first, second, third}) CHECK_FALSE(each->get().failure);
  while (now().devices.at(0).calls != 0 && std::chrono::steady_clock::now() < until)
    std::this_thread::yield();
  CHECK(now().devices.at(0).reserved == 0);
}

TEST_CASE("device run: what no device can do is refused, with the reason",
          "[dispatch][device_run]") {
  strict_driver driver;  // of sm_90, with 1 GiB
  {
    const auto refusal = [](const function_options& options, std::size_t body_size = 100) {
      catalog one;
      REQUIRE(one.add(make_descriptor<device_runs::passed_on>(options)).has_value());
      const auto info = find_cuda_devices(strict_driver::table()).value().at(0);
      dispatcher calls(one, device_bench::make_config(
                                std::make_shared<cuda_device>(strict_driver::table(), info), 1));
      call_head head;
      head.function = "device_runs::passed_on";
      head.signature = make_descriptor<device_runs::passed_on>().signature().id;
      const auto admitted = calls.admit(std::move(head), encoding::binary, body_size);
      if (admitted) return std::string("admitted");
      return std::string(to_string(admitted.error().value())) + ": " +
             admitted.error().details().message;
    };
    CHECK(refusal({.gpu_memory = 1_GiB, .gpu_capability = "sm_90", .gpu_model = "STRICT*"}) ==
          "admitted");
    CHECK(refusal({.gpu_capability = "sm_100"}) ==
          "no_device: no device can serve it: cuda:0 is sm_90, and sm_100 is needed");
    CHECK(refusal({.gpu_model = "*H200*"}) ==
          "no_device: no device can serve it: cuda:0 is \"strict GPU\", and \"*H200*\" is needed");
    CHECK(refusal({.gpu_memory = 2_GiB, .gpu_model = "*"}) ==
          "no_device: no device can serve it: cuda:0 has 1024 MiB, and 2048 MiB are needed");
    CHECK(refusal({.gpu_model = "*"}, 1_GiB + 1) ==
          "too_large: the body has 1073741825 bytes, the limit is 1073741824");
  }
  for (const auto& each : driver.complaints()) FAIL_CHECK(each);
}

TEST_CASE("device run: on a GPU nobody waits between the upload and the function",
          "[dispatch][device_run]") {
  strict_driver driver;
  {
    const auto info = find_cuda_devices(strict_driver::table()).value().at(0);
    device_bench b(std::make_shared<cuda_device>(strict_driver::table(), info));
    for (const std::size_t size : {0U, 1U, 1000U}) {
      const auto answer = b.call<device_runs::passed_on>(b.numbers(size))->get();
      REQUIRE_FALSE(answer.failure);
      CHECK(answer.report.device.name == "cuda:0");
      CHECK(answer.report.device.bytes_down == 4 * size);
      CHECK(answer.report.device.path == (size == 0 ? transfer_path::none : transfer_path::pinned));
      if (size != 0) CHECK(answer.report.device.run > 0ns);
      const auto bytes = test::encode(b.numbers(size));
      CHECK(answer.bytes ==
            std::string(reinterpret_cast<const char*>(bytes.data()) + 16, bytes.size() - 16));
    }
    CHECK_FALSE(b.call<device_runs::passed_on>(b.numbers(100'000))->get().failure);
  }
  for (const auto& each : driver.complaints()) FAIL_CHECK(each);
}

TEST_CASE("device run: whatever fails on a GPU, each call ends once and leaves nothing",
          "[dispatch][device_run]") {
  const int what = GENERATE(2, 719, 400);  // out of memory, a failed launch, a wrong handle
  int number = 1;
  for (;; ++number) {
    INFO("call " << number << ", status " << what);
    strict_driver driver;
    {
      const auto info = find_cuda_devices(strict_driver::table()).value().at(0);
      device_bench b(std::make_shared<cuda_device>(strict_driver::table(), info));
      driver.fail(number, what);
      driver.allow_pageable();  // where it was to lock memory that failed
      const auto sink = b.call<device_runs::passed_on>(b.numbers(100'000));
      const outcome answer = sink->get();
      CHECK(sink->count() == 1);
      if (answer.failure)
        CHECK(answer.is(what == cuda::out_of_memory ? errc::device_out_of_memory
                                                    : errc::device_fault));
      const bool was_hit = driver.has_failed();
      const outcome next = b.call<device_runs::passed_on>(b.numbers(1000))->get();
      if (was_hit) CHECK(next.failure.has_value() == cuda::is_sticky(what));
    }
    for (const auto& each : driver.complaints()) FAIL_CHECK(each);
    if (!driver.has_failed()) break;
  }
  CHECK(number > 6);
}

TEST_CASE("device run: a function is served by its kind of device only", "[dispatch][device_run]") {
  strict_driver driver;
  {
    const auto info = find_cuda_devices(strict_driver::table()).value().at(0);
    auto config = device_bench::make_config(std::make_shared<host_device>(), 1);
    config.devices.push_back(
        std::make_shared<device_slot>(std::make_shared<cuda_device>(strict_driver::table(), info)));
    device_bench both(std::move(config));
    CHECK_FALSE(both.call<device_runs::passed_on>(both.numbers(10))->get().failure);
    CHECK_FALSE(both.call(10, 1)->get().failure);
    auto host_only = device_bench::make_config(std::make_shared<host_device>(), 1);
    host_only.no_gpu = "there is no GPU here";
    device_bench one(std::move(host_only));
    CHECK_FALSE(one.call(10, 1)->get().failure);
    call_head head;
    head.function = "device_runs::passed_on";
    const auto refused = one.calls.admit(std::move(head), encoding::json, 2);
    REQUIRE(refused.has_error());
    CHECK(refused.error() == errc::no_device);
    CHECK(refused.error().details().message == "there is no GPU here");
  }
  for (const auto& each : driver.complaints()) FAIL_CHECK(each);
}

TEST_CASE("device run: a function finds its device's context, whatever the thread did before",
          "[dispatch][device_run]") {
  strict_driver driver;
  driver.devices = 2;
  {
    const auto all = find_cuda_devices(strict_driver::table()).value();
    auto config =
        device_bench::make_config(std::make_shared<cuda_device>(strict_driver::table(), all[0]), 1);
    config.devices.push_back(std::make_shared<device_slot>(
        std::make_shared<cuda_device>(strict_driver::table(), all[1])));
    device_bench b(std::move(config));
    const auto yes = test::encode(1);
    const std::string expected(reinterpret_cast<const char*>(yes.data()) + 16, yes.size() - 16);
    // Streams that have been used before, on one device and the other.
    for (int i = 0; i < 10; ++i) {
      const auto there = b.call<device_runs::passed_on>(b.numbers(1000));
      CHECK(b.call<device_runs::is_at_home>(std::vector<int>())->get().bytes == expected);
      CHECK_FALSE(there->get().failure);
    }
  }
  for (const auto& each : driver.complaints()) FAIL_CHECK(each);
}

TEST_CASE("device run: what was cancelled while its arguments went up is not begun",
          "[dispatch][device_run]") {
  std::promise<void> gate;
  device_runs::runs = 0;
  device_bench b(std::make_shared<host_device>(host_device_config{
      .on_copy = [held = gate.get_future().share()](gpu::copy_kind) { held.wait(); }}));
  const auto sink = std::make_shared<counting_sink>();
  const auto bytes = test::encode(b.numbers(100), std::vector<int>{1});
  buffer body = b.pool.take(bytes.size());
  std::memcpy(body.data(), bytes.data(), bytes.size());
  call_head head;
  const auto function = make_descriptor<device_runs::twice>();
  head.function = function.name;
  head.signature = function.signature().id;
  auto admitted = b.calls.admit(std::move(head), encoding::binary, bytes.size());
  REQUIRE(admitted.has_value());
  const auto which = b.calls.submit(*std::move(admitted), std::move(body), sink);
  const auto until = std::chrono::steady_clock::now() + 30s;
  while (b.calls.snapshot().running != 1 && std::chrono::steady_clock::now() < until)
    std::this_thread::yield();
  b.calls.cancel(*which);
  CHECK(sink->get().is(errc::cancelled));
  gate.set_value();
  CHECK_FALSE(b.call(100, 1)->get().failure);
  CHECK(device_runs::runs == 1);
}

TEST_CASE("device run: a function sees its device, and the report what memory it had there",
          "[dispatch][device_run]") {
  const auto one = std::make_shared<host_device>(host_device_config{.index = 3});
  device_bench b(one);
  const outcome answer = b.call<device_runs::where>(device_bench::numbers(1'000))->get();
  REQUIRE_FALSE(answer.failure);
  CHECK_THAT(answer.bytes,
             contains("host:3, host device, 3, " + std::to_string(one->memory().limit) + ", 1000"));
  CHECK(answer.report.device.memory_peak >= 3'004'000);
  CHECK(answer.report.device.memory_peak < 3'005'000);
  CHECK(one->memory().used == 0);
}
