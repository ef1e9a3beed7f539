// SPDX-License-Identifier: Apache-2.0
#include "dispatch/device_run.hpp"

#include <modal/function.hpp>

#include "support/faulty_device.hpp"
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

}  // namespace device_runs

namespace {

catalog one_function() {
  catalog made;
  REQUIRE(made.add(make_descriptor<device_runs::twice>()).has_value());
  return made;
}

// A dispatcher with one device, and a call of `twice`.
struct device_bench {
  device_bench(std::shared_ptr<device> which, std::size_t threads = 1)
      : calls(one_function(), make_config(std::move(which), threads)) {
    calls.start();
  }
  ~device_bench() { calls.stop(30s, 30s); }

  static dispatcher_config make_config(std::shared_ptr<device> which, std::size_t threads) {
    dispatcher_config config{.threads = threads};
    config.devices.push_back(std::make_shared<device_slot>(std::move(which)));
    return config;
  }

  std::shared_ptr<counting_sink> call(std::size_t size, int offset) {
    std::vector<int> values(size);
    std::iota(values.begin(), values.end(), 0);
    const auto bytes = test::encode(values, std::vector<int>{offset});
    buffer body = pool.take(bytes.size());
    std::memcpy(body.data(), bytes.data(), bytes.size());
    call_head head;
    head.function = "device_runs::twice";
    head.signature = make_descriptor<device_runs::twice>().signature().id;
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
  for (;; ++number) {
    INFO("operation " << number);
    const auto faulty = std::make_shared<faulty_device>(number, what);
    {
      device_bench b(faulty);
      const auto first = b.call(size, 1);
      const outcome answer = first->get();
      CHECK(first->count() == 1);
      if (faulty->has_failed()) {
        REQUIRE(answer.failure);
        CHECK(answer.is(what));
        CHECK(answer.failure->details().message == "injected");
      } else {
        CHECK_FALSE(answer.failure);
      }
      // What has failed once for want of memory works again.
      if (faulty->has_failed()) {
        const outcome again = b.call(size, 1)->get();
        CHECK(again.failure.has_value() == (what == errc::device_fault));
      }
    }
    CHECK(faulty->memory().used == 0);
    if (!faulty->has_failed()) break;
  }
  CHECK(number > 6);
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
