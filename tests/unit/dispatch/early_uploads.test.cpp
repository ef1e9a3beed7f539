// SPDX-License-Identifier: Apache-2.0
// Calls whose arguments go to a device before their turn has come.
#include <modal/function.hpp>

#include "device/cuda/cuda_device.hpp"
#include "device/host/host_device.hpp"
#include "dispatch/arriving_segments.hpp"
#include "support/strict_driver.hpp"
#include "support/wire.hpp"
#include "unit/dispatch/fake_calls.hpp"

#include <numeric>
#include <semaphore>

using namespace test;

namespace early_uploads {

std::counting_semaphore<64> entered{0};
std::counting_semaphore<64> released{0};

long total(modal::device_span<const int> values, int more) {
  return std::accumulate(values.begin(), values.end(), long{more});
}
int hold(modal::device_span<const int> values) {
  entered.release();
  released.acquire();
  return static_cast<int>(values.size());
}
// As much as `total`, and as long as `hold`.
int gated(modal::device_span<const int> values) { return hold(values); }
// It may run twice, and the second time needs what was sent.
long retried(modal::device_span<int> values) {
  for (int& each : values) ++each;
  if (modal::this_call().attempt() == 1) throw std::runtime_error("once");
  return std::accumulate(values.begin(), values.end(), 0L);
}
// By the means of a stream alone, as on a GPU.
modal::device_vector<int> passed_on(modal::device_span<const int> values) {
  modal::device_vector<int> made(values.size());
  modal::this_call().stream().copy(made.data(), values.data(), values.size_bytes(),
                                   modal::gpu::copy_kind::on_device);
  return made;
}
// Some of what it is sent stays on the host.
long mixed(modal::device_span<const int> values, std::span<const int> others) {
  return std::accumulate(values.begin(), values.end(), 0L) +
         std::accumulate(others.begin(), others.end(), 0L);
}

}  // namespace early_uploads

namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

catalog early_functions() {
  using namespace early_uploads;
  catalog made;
  REQUIRE(made.add(make_descriptor<total>({.gpu_memory = 20 * mib})).has_value());
  REQUIRE(made.add(make_descriptor<hold>()).has_value());
  REQUIRE(made.add(make_descriptor<gated>({.gpu_memory = 20 * mib})).has_value());
  REQUIRE(made.add(make_descriptor<retried>({.retries = 1, .retry_delay = 0ms})).has_value());
  REQUIRE(made.add(make_descriptor<mixed>()).has_value());
  auto of_gpu = make_descriptor<passed_on>();
  of_gpu.device = device_use::cuda;
  REQUIRE(made.add(std::move(of_gpu)).has_value());
  return made;
}

// A call whose body comes as slowly as the test says.
struct slow_call {
  template <auto& F, class... A>
  static slow_call of(dispatcher& calls, const A&... arguments) {
    slow_call made;
    made.calls = &calls;
    made.bytes = test::encode(arguments...);
    const auto function = make_descriptor<F>();
    call_head head;
    head.function = function.name;
    head.signature = function.signature().id;
    made.admitted = calls.admit(std::move(head), encoding::binary, made.bytes.size()).value();
    made.segments = calls.make_segment_memory(made.admitted);
    made.whole = payload_view::parse(made.bytes, calls.bounds().decode).value();
    return made;
  }
  [[nodiscard]] bool goes_to_device() const {
    return dynamic_cast<arriving_segments*>(segments.get()) != nullptr;
  }
  // As much as a connection reads before it is asked for no more than `end` bytes.
  void feed(std::size_t segment, std::size_t end = SIZE_MAX) {
    const bytes_view from = whole.segments()[segment];
    while (fed < std::min(end, from.size())) {
      auto told = std::make_shared<std::promise<void>>();
      const auto room =
          segments->find_room({segment, fed, from.size() - fed}, [told] { told->set_value(); })
              .value();
      if (room.empty()) {
        told->get_future().wait();
        continue;
      }
      if (fed == 0) where.emplace_back(room.data(), from.size());
      std::memcpy(room.data(), from.data() + fed, room.size());
      fed += room.size();
    }
  }
  std::shared_ptr<counting_sink> submit() {
    for (std::size_t i = where.size(); i < whole.segments().size(); ++i) {
      fed = 0;
      feed(i);
    }
    buffer front = pool->take(whole.envelope().size());
    std::memcpy(front.data(), whole.envelope().data(), front.size());
    payload_view parts({front.data(), front.size()}, where, bytes.size());
    incoming_body body(std::move(front), std::move(parts));
    body.keep(std::move(segments));
    auto sink = std::make_shared<counting_sink>();
    handle = calls->submit(std::move(admitted), std::move(body), sink);
    return sink;
  }

  dispatcher* calls = nullptr;
  std::shared_ptr<buffer_pool> pool = std::make_shared<buffer_pool>();
  decltype(test::encode(1)) bytes;
  payload_view whole;
  ticket admitted;
  std::unique_ptr<segment_memory> segments;
  std::vector<bytes_view> where;
  std::size_t fed = 0;
  call_ptr handle;
};

struct early_bench {
  explicit early_bench(std::size_t calls_per_device = 4, std::size_t threads = 1)
      : slot(make_slot(0)), calls(early_functions(), make_config(slot, calls_per_device, threads)) {
    calls.start();
  }
  static std::shared_ptr<device_slot> make_slot(int index) {
    return std::make_shared<device_slot>(std::make_shared<host_device>(
        host_device_config{.index = index, .memory_bytes = 64 * mib}));
  }
  ~early_bench() { stop(); }

  // Workers let go of a call a moment after they have answered it.
  void stop() {
    if (!std::exchange(is_stopped, true)) calls.stop(30s, 30s);
  }

  static dispatcher_config make_config(std::shared_ptr<device_slot> slot, std::size_t most,
                                       std::size_t threads) {
    dispatcher_config config{.threads = threads};
    config.devices.push_back(std::move(slot));
    config.calls_per_device = most;
    return config;
  }
  static std::vector<int> numbers(std::size_t bytes) {
    std::vector<int> made(bytes / sizeof(int));
    std::iota(made.begin(), made.end(), 1);
    return made;
  }
  [[nodiscard]] std::size_t reserved() const { return calls.snapshot().devices[0].reserved; }
  [[nodiscard]] std::size_t used() const { return slot->which().memory().used; }
  [[nodiscard]] std::size_t locked() const { return slot->which().pinned().memory().used; }
  // Everything was given back.
  void check_idle() {
    stop();
    CHECK(slot->wait_quiet(never));
    CHECK(reserved() == 0);
    CHECK(used() == 0);
    CHECK(locked() == 0);
  }

  std::shared_ptr<device_slot> slot;
  dispatcher calls;
  bool is_stopped = false;
};

long value_of(const outcome& answer) {
  REQUIRE_FALSE(answer.failure);
  long value = 0;
  REQUIRE(answer.bytes.size() == sizeof(value));
  std::memcpy(&value, answer.bytes.data(), sizeof(value));
  return value;
}

}  // namespace

TEST_CASE("early uploads: a large argument is on the device when its call begins",
          "[dispatch][segments]") {
  early_bench b;
  const auto values = b.numbers(16 * mib);
  {
    auto call = slow_call::of<early_uploads::total>(b.calls, values, 5);
    REQUIRE(call.goes_to_device());
    CHECK(b.reserved() == 20 * mib);
    call.feed(0, 8 * mib);
    CHECK(b.used() == 16 * mib);
    CHECK(b.locked() == arriving_segments::pieces * arriving_segments::piece_bytes);
    const auto n = static_cast<long>(values.size());
    const outcome answer = [&] {
      call.fed = 8 * mib;
      call.feed(0);
      return call.submit()->get();
    }();
    CHECK(value_of(answer) == n * (n + 1) / 2 + 5);
    CHECK(answer.report.device.bytes_up == 16 * mib);
  }
  b.check_idle();
}

TEST_CASE("early uploads: only where the device has the last word", "[dispatch][segments]") {
  early_bench b;
  const auto values = b.numbers(8 * mib);
  const auto n = static_cast<long>(values.size());
  SECTION("not what may be needed a second time") {
    auto call = slow_call::of<early_uploads::retried>(b.calls, values);
    CHECK_FALSE(call.goes_to_device());
    const outcome answer = call.submit()->get();
    CHECK_FALSE(answer.failure);
    CHECK(answer.report.attempts == 2);
  }
  SECTION("not what may stay on the host") {
    auto call = slow_call::of<early_uploads::mixed>(b.calls, values, values);
    CHECK_FALSE(call.goes_to_device());
    CHECK(value_of(call.submit()->get()) == n * (n + 1));
  }
  SECTION("not what is small") {
    CHECK_FALSE(slow_call::of<early_uploads::hold>(b.calls, b.numbers(mib)).goes_to_device());
  }
  b.check_idle();
}

TEST_CASE("early uploads: those whose callers are slow do not keep others from the device",
          "[dispatch][segments]") {
  early_bench b;
  {
    std::vector<slow_call> slow;
    for (int i = 0; i < 5; ++i) {
      slow.push_back(slow_call::of<early_uploads::hold>(b.calls, b.numbers(10 * mib)));
      slow.back().feed(0, 2 * mib);
      CHECK(slow.back().goes_to_device() == (i < 3));
    }
    CHECK(b.reserved() / mib == 30);
    // More than half of the device is left.
    auto call = slow_call::of<early_uploads::total>(b.calls, b.numbers(4 * mib), 0);
    CHECK_FALSE(call.goes_to_device());
    CHECK_FALSE(call.submit()->get().failure);
  }
  b.check_idle();
}

TEST_CASE("early uploads: a call waits for its turn on the device it is on",
          "[dispatch][segments]") {
  early_bench b(1);
  {
    auto first = slow_call::of<early_uploads::hold>(b.calls, b.numbers(8 * mib));
    auto second = slow_call::of<early_uploads::total>(b.calls, b.numbers(4 * mib), 1);
    REQUIRE(second.goes_to_device());
    const auto held = first.submit();
    early_uploads::entered.acquire();
    const auto waits = second.submit();
    CHECK(b.calls.snapshot().devices[0].calls == 1);
    CHECK(b.calls.snapshot().waiting == 1);
    SECTION("and runs then") {
      early_uploads::released.release();
      CHECK_FALSE(held->get().failure);
      CHECK_FALSE(waits->get().failure);
    }
    SECTION("and leaves it when it is cancelled") {
      b.calls.cancel(*second.handle);
      CHECK(waits->get().is(errc::cancelled));
      CHECK(b.reserved() / mib == 8);
      early_uploads::released.release();
      CHECK_FALSE(held->get().failure);
    }
    CHECK(waits->count() == 1);
  }
  b.check_idle();
}

TEST_CASE("early uploads: what is given up half way leaves nothing", "[dispatch][segments]") {
  early_bench b;
  {
    auto call = slow_call::of<early_uploads::total>(b.calls, b.numbers(16 * mib), 0);
    call.feed(0, 7 * mib);
    CHECK(b.used() == 16 * mib);
  }
  b.check_idle();
  CHECK(b.calls.snapshot().failed == 1);
}

TEST_CASE("early uploads: what is placed leaves room, and a place that is given up wakes others",
          "[dispatch][segments]") {
  early_bench b(4, 3);
  {
    auto running = slow_call::of<early_uploads::hold>(b.calls, b.numbers(16 * mib));
    const auto held = running.submit();
    early_uploads::entered.acquire();
    auto slow = slow_call::of<early_uploads::hold>(b.calls, b.numbers(15 * mib));
    slow.feed(0, 2 * mib);
    REQUIRE(slow.goes_to_device());
    CHECK_FALSE(slow_call::of<early_uploads::hold>(b.calls, b.numbers(15 * mib)).goes_to_device());
    // One more call of each function fits.
    auto first = slow_call::of<early_uploads::gated>(b.calls, b.numbers(mib));
    const auto also_held = first.submit();
    early_uploads::entered.acquire();
    auto second = slow_call::of<early_uploads::total>(b.calls, b.numbers(mib), 0);
    const auto waits = second.submit();
    CHECK(b.calls.snapshot().waiting == 2);
    slow.segments.reset();
    slow.admitted = {};
    CHECK_FALSE(waits->get().failure);
    early_uploads::released.release(2);
    CHECK_FALSE(held->get().failure);
    CHECK_FALSE(also_held->get().failure);
  }
  b.check_idle();
}

TEST_CASE("early uploads: nobody goes to a device that is full while another is idle",
          "[dispatch][segments]") {
  auto config = early_bench::make_config(early_bench::make_slot(0), 1, 3);
  config.devices.push_back(early_bench::make_slot(1));
  dispatcher calls(early_functions(), std::move(config));
  calls.start();
  {
    auto busy = slow_call::of<early_uploads::hold>(calls, early_bench::numbers(mib));
    const auto held = busy.submit();
    early_uploads::entered.acquire();
    auto stalled = slow_call::of<early_uploads::hold>(calls, early_bench::numbers(30 * mib));
    stalled.feed(0, 2 * mib);
    REQUIRE(stalled.goes_to_device());
    // The other one has taken as much on its way as it may; it has no call.
    auto first = slow_call::of<early_uploads::total>(calls, early_bench::numbers(4 * mib), 1);
    CHECK_FALSE(first.goes_to_device());
    CHECK_FALSE(first.submit()->get().failure);
    early_uploads::released.release();
    CHECK_FALSE(held->get().failure);
  }
  calls.stop(30s, 30s);
}

TEST_CASE("early uploads: whatever fails on a GPU, each call ends once and leaves nothing",
          "[dispatch][segments]") {
  const auto status = GENERATE(cuda::out_of_memory, cuda::launch_failed);
  const auto values = early_bench::numbers(5 * mib);
  bool was_reached = true;
  for (int number = 1; was_reached; ++number) {
    INFO("call " << number << " of the driver");
    strict_driver driver;
    driver.allow_pageable();
    const auto table = driver.table();
    {
      auto slot = std::make_shared<device_slot>(
          std::make_shared<cuda_device>(table, find_cuda_devices(table).value().front()));
      dispatcher calls(early_functions(), early_bench::make_config(slot, 4, 1));
      calls.start();
      driver.fail(number, status);
      {
        auto call = slow_call::of<early_uploads::passed_on>(calls, values);
        CHECK(call.goes_to_device());
        const auto sink = call.submit();
        const outcome answer = sink->get();
        CHECK(sink->count() == 1);
        if (answer.failure) {
          CHECK(driver.has_failed());
          CHECK((answer.is(errc::device_fault) || answer.is(errc::device_out_of_memory)));
        }
      }
      calls.stop(30s, 30s);
      CHECK(slot->wait_quiet(never));
      CHECK(slot->which().memory().used == 0);
      CHECK(slot->which().pinned().memory().used == 0);
      CHECK(calls.snapshot().devices[0].reserved == 0);
    }
    was_reached = driver.has_failed();
    CHECK(driver.complaints() == std::vector<std::string>{});
  }
}
