// SPDX-License-Identifier: Apache-2.0
#include "device/cuda/cuda_device.hpp"

#include "support/catch.hpp"
#include "support/strict_driver.hpp"

#include <algorithm>
#include <thread>
#include <vector>

using namespace modal;
using namespace modal::detail;
using gpu::copy_kind;
using test::contains;
using test::strict_driver;

namespace {

std::shared_ptr<cuda_device> make(cuda_device_config config = {}, int ordinal = 0) {
  const auto all = find_cuda_devices(strict_driver::table()).value();
  return std::make_shared<cuda_device>(strict_driver::table(),
                                       all.at(static_cast<std::size_t>(ordinal)), config);
}

void check_clean(const strict_driver& driver) {
  for (const auto& each : driver.complaints()) FAIL_CHECK(each);
}

std::string refusal() {
  const auto found = find_cuda_devices(strict_driver::table());
  REQUIRE(found.has_error());
  CHECK(found.error() == errc::no_device);
  return found.error().message();
}

}  // namespace

TEST_CASE("cuda device: finds what there is, without a context", "[device][cuda]") {
  strict_driver driver;
  driver.devices = 2;
  const auto all = find_cuda_devices(strict_driver::table()).value();
  REQUIRE(all.size() == 2);
  CHECK(all[1].what == device_info::kind::cuda);
  CHECK(all[1].index == 1);
  CHECK(all[1].model == "strict GPU");
  CHECK(all[1].id == "GPU-a1a1a1a1-a1a1-a1a1-a1a1-a1a1a1a1a1a1");
  CHECK(all[1].memory_bytes == std::size_t{1} << 30);
  CHECK(all[1].capability == 90);
  CHECK(to_name(all[1]) == "cuda:1");
  CHECK(driver.calls() == 0);
  check_clean(driver);
}

TEST_CASE("cuda device: says what to do where there is none", "[device][cuda]") {
  strict_driver driver;
  driver.init_status = cuda::no_device;
  CHECK_THAT(refusal(), contains("CUDA_VISIBLE_DEVICES"));
  driver.init_status = cuda::stub_library;
  CHECK_THAT(refusal(), contains("stub"));
  driver.init_status = cuda::system_driver_mismatch;
  CHECK_THAT(refusal(), contains("restart"));
  driver.init_status = 0;
  driver.version = 12'040;
  CHECK_THAT(refusal(), contains("for CUDA 12.4: install one for CUDA 13.0"));
  driver.version = 13'000;
  driver.devices = 0;
  CHECK_THAT(refusal(), contains("there is no GPU"));
  driver.devices = 1;
  driver.mode = cuda::mode_prohibited;
  CHECK_THAT(refusal(), contains("nvidia-smi -c 0"));
}

TEST_CASE("cuda device: the driver of this machine is found, or said to be missing",
          "[device][cuda]") {
  const auto real = cuda::load_driver();
  if (real)
    CHECK(real->init != nullptr);
  else
    CHECK(real.error() == errc::no_device);
}

TEST_CASE("cuda device: copies there and back, in the order of a stream", "[device][cuda]") {
  strict_driver driver;
  {
    const auto device = make();
    const auto stream = device->make_stream().value();
    CHECK_FALSE(stream->is_host());
    CHECK(stream->native_handle() != nullptr);
    constexpr std::size_t size = 1000;
    const auto sent = device->pinned().take(size);
    const auto got = device->pinned().take(size);
    std::fill_n(sent.get(), size, std::byte{42});
    std::fill_n(got.get(), size, std::byte{0});
    void* const first = stream->allocate(size).value();
    void* const second = stream->allocate(size).value();
    CHECK(device->memory().used == 2 * device_bytes(size));
    const auto before = stream->record().value();
    stream->copy(first, sent.get(), size, copy_kind::to_device).value();
    stream->copy(second, first, size, copy_kind::on_device).value();
    stream->copy(got.get(), second, size, copy_kind::to_host).value();
    stream->deallocate(first, size);
    stream->deallocate(second, size);
    const auto after = stream->record().value();
    CHECK_FALSE(after->is_passed().value());
    CHECK(got.get()[0] == std::byte{0});  // nothing is done yet
    after->wait().value();
    CHECK(after->is_passed().value());
    CHECK(after->since(*before).value() == std::chrono::microseconds{1500});
    CHECK(std::count(got.get(), got.get() + size, std::byte{42}) == size);
    CHECK(device->memory().used == 0);
    CHECK(device->memory().most_used == 2 * device_bytes(size));
    stream->drain();
  }
  check_clean(driver);
}

TEST_CASE("cuda device: each has its own context, on every thread", "[device][cuda]") {
  strict_driver driver;
  driver.devices = 2;
  {
    const auto first = make({}, 0);
    const auto second = make({}, 1);
    const auto a = first->make_stream().value();
    const auto b = second->make_stream().value();
    std::thread([&] {
      void* const there = a->allocate(10).value();
      void* const other = b->allocate(10).value();
      a->deallocate(there, 10);
      b->deallocate(other, 10);
    }).join();
    a->record().value()->wait().value();
    b->record().value()->wait().value();
  }
  check_clean(driver);
}

TEST_CASE("cuda device: memory ends at the limit, and where the device has no more",
          "[device][cuda]") {
  strict_driver driver;
  {
    const auto device = make({.memory_bytes = 1100});
    const auto stream = device->make_stream().value();
    void* const there = stream->allocate(500).value();
    const auto refused = stream->allocate(600);
    REQUIRE(refused.has_error());
    CHECK(refused.error() == errc::device_out_of_memory);
    CHECK_THAT(refused.error().message(), contains("cuda:0 has 588 bytes left"));
    // Once the pool was trimmed there is enough.
    const std::size_t calls = driver.calls();
    driver.fail(1, cuda::out_of_memory);
    void* const other = stream->allocate(100).value();
    CHECK(driver.calls() == calls + 4);
    stream->deallocate(there, 500);
    stream->deallocate(other, 100);
    stream->drain();
    CHECK(device->memory().used == 0);
  }
  check_clean(driver);
}

TEST_CASE("cuda device: after a fault the driver is left alone", "[device][cuda]") {
  strict_driver driver;
  {
    const auto device = make();
    const auto stream = device->make_stream().value();
    const auto block = stream->take_pinned(100);
    REQUIRE(block != nullptr);
    void* const there = stream->allocate(100).value();
    const auto mark = stream->record().value();
    driver.fail(1, cuda::illegal_address);
    const auto failed = stream->copy(there, block.get(), 100, copy_kind::to_device);
    REQUIRE(failed.has_error());
    CHECK(failed.error() == errc::device_fault);
    CHECK_THAT(failed.error().message(),
               contains("(700) from cuMemcpyHtoDAsync on cuda:0, strict GPU"));
    CHECK(mark->is_passed().error() == errc::device_fault);
    CHECK_THAT(mark->wait().error().message(), contains("started anew"));
    CHECK(stream->allocate(1).error() == errc::device_fault);
    CHECK(stream->record().error() == errc::device_fault);
    CHECK(device->make_stream().error() == errc::device_fault);
    CHECK(device->pinned().take(1 << 20) == nullptr);
    stream->drain();
    stream->deallocate(there, 100);
  }
  check_clean(driver);
}

TEST_CASE("cuda device: whatever fails, nothing is left", "[device][cuda]") {
  strict_driver driver;
  for (int number = 1;; ++number) {
    INFO("call " << number);
    driver.fail(number, cuda::out_of_memory);
    {
      const auto device = make();
      const auto use = [&]() -> result<void> {
        auto stream = device->make_stream();
        if (!stream) return std::move(stream).error();
        auto block = (*stream)->take_pinned(100);
        if (block == nullptr) return error(errc::device_out_of_memory);
        auto there = (*stream)->allocate(100);
        if (!there) return std::move(there).error();
        auto copied = (*stream)->copy(*there, block.get(), 100, copy_kind::to_device);
        (*stream)->deallocate(*there, 100);
        auto mark = (*stream)->record();
        if (mark && (*mark)->wait()) return copied;
        (*stream)->drain();
        return copied ? result<void>(error(errc::device_out_of_memory)) : std::move(copied);
      };
      const auto used = use();
      if (used.has_error()) CHECK(used.error() == errc::device_out_of_memory);
    }
    if (!driver.has_failed()) break;
  }
  check_clean(driver);
}

TEST_CASE("cuda device: one that another process has for itself says so", "[device][cuda]") {
  strict_driver driver;
  {
    const auto device = make();
    driver.fail(1, cuda::device_unavailable);
    const auto refused = device->make_stream();
    REQUIRE(refused.has_error());
    CHECK(refused.error() == errc::device_fault);
    CHECK_THAT(refused.error().message(), contains("nvidia-smi -c 0"));
    CHECK_FALSE(device->has_failed());
    CHECK(device->make_stream().has_value());
  }
  check_clean(driver);
}
