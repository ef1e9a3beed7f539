// SPDX-License-Identifier: Apache-2.0
// Functions that use no device have the host's memory, whatever thread they run on.
#include <modal/function.hpp>

#include "device/cuda/cuda_device.hpp"
#include "support/strict_driver.hpp"
#include "support/wire.hpp"
#include "unit/dispatch/fake_calls.hpp"

#include <malloc.h>

using namespace test;

namespace plain_functions {

std::atomic<bool> is_on_host{false};
dispatcher* calls = nullptr;

int scratches(int number) {
  const auto some = modal::this_call().scratch<char>(std::size_t{4} << 20);
  std::memset(some.data(), number, some.size());
  return number;
}

int inner(int number) {
  is_on_host = modal::gpu::current_stream()->is_host();
  modal::device_vector<int> made(10);
  made.span()[9] = modal::this_call().scratch<int>(1).size() == 1 ? number : 0;
  return made.span()[9];
}

template <auto& F, class... A>
std::pair<call_ptr, std::shared_ptr<counting_sink>> start(dispatcher& on, const A&... arguments) {
  static buffer_pool pool;
  const auto bytes = test::encode(arguments...);
  const auto function = make_descriptor<F>();
  call_head head;
  head.function = function.name;
  head.signature = function.signature().id;
  buffer body = pool.take(bytes.size());
  std::memcpy(body.data(), bytes.data(), bytes.size());
  auto admitted = on.admit(std::move(head), encoding::binary, bytes.size());
  auto sink = std::make_shared<counting_sink>();
  auto handle = on.submit(*std::move(admitted), std::move(body), sink);
  return {std::move(handle), std::move(sink)};
}

// Waits for a call on its own thread, as remote<inner> does in the same process.
int outer(modal::device_span<const int> values) {
  const modal::detail::away_from_seat resting;
  const auto [handle, sink] = start<inner>(*calls, 1);
  calls->run_here(*handle);
  return sink->get().failure ? 0 : static_cast<int>(values.size());
}

}  // namespace plain_functions

TEST_CASE("plain functions: scratch memory of a call goes with it", "[dispatch][plain]") {
  catalog functions;
  REQUIRE(functions.add(make_descriptor<plain_functions::scratches>()).has_value());
  dispatcher calls(functions, {.threads = 1});
  calls.start();
  const auto before = ::mallinfo2();
  for (int i = 0; i < 50; ++i)
    CHECK_FALSE(plain_functions::start<plain_functions::scratches>(calls, i).second->get().failure);
  const auto after = ::mallinfo2();
  CHECK(after.uordblks + after.hblkhd < before.uordblks + before.hblkhd + (std::size_t{20} << 20));
  calls.stop(30s, 30s);
}

TEST_CASE("plain functions: one that runs within a call on a GPU is on the host",
          "[dispatch][plain]") {
  strict_driver driver;
  const auto table = driver.table();
  {
    catalog functions;
    auto of_gpu = make_descriptor<plain_functions::outer>();
    of_gpu.device = device_use::cuda;
    REQUIRE(functions.add(std::move(of_gpu)).has_value());
    REQUIRE(functions.add(make_descriptor<plain_functions::inner>()).has_value());
    dispatcher_config config{.threads = 1, .spare_threads = 0};
    config.devices.push_back(std::make_shared<device_slot>(
        std::make_shared<cuda_device>(table, find_cuda_devices(table).value().front())));
    dispatcher calls(functions, std::move(config));
    plain_functions::calls = &calls;
    calls.start();
    const auto sink =
        plain_functions::start<plain_functions::outer>(calls, std::vector<int>(1000, 1)).second;
    const outcome answer = sink->get();
    CHECK_FALSE(answer.failure);
    CHECK(plain_functions::is_on_host);
    calls.stop(30s, 30s);
  }
  CHECK(driver.complaints() == std::vector<std::string>{});
}
