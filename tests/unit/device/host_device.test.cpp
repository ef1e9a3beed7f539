// SPDX-License-Identifier: Apache-2.0
#include "device/host/host_device.hpp"

#include "support/catch.hpp"

#include <algorithm>
#include <future>
#include <numeric>
#include <vector>

using namespace modal;
using detail::host_device;
using gpu::copy_kind;

namespace {

std::vector<std::byte> some_bytes(std::size_t size, int first) {
  std::vector<std::byte> made(size);
  for (std::size_t i = 0; i < size; ++i)
    made[i] = static_cast<std::byte>(first + static_cast<int>(i % 251));
  return made;
}

std::byte* take(gpu::stream& from, std::size_t bytes) {
  return static_cast<std::byte*>(from.allocate(bytes).value());
}

void wait(gpu::stream& which) { which.record().value()->wait().value(); }

}  // namespace

TEST_CASE("host device: says what it is", "[device][host]") {
  const host_device made({.index = 1, .memory_bytes = 1000});
  CHECK(made.info().what == detail::device_info::kind::host);
  CHECK(made.info().index == 1);
  CHECK(made.info().memory_bytes == 1000);
  CHECK(made.memory().limit == 1000);
  CHECK(made.memory().used == 0);
}

TEST_CASE("host device: copies there, about and back", "[device][host]") {
  host_device device;
  const auto stream = device.make_stream().value();
  CHECK(stream->is_host());
  CHECK(stream->native_handle() == nullptr);
  for (const std::size_t size : {std::size_t{1}, std::size_t{1000}, std::size_t{10} << 20}) {
    const auto sent = some_bytes(size, 3);
    std::vector<std::byte> got(size);
    std::byte* first = take(*stream, size);
    std::byte* second = take(*stream, size);
    CHECK(reinterpret_cast<std::uintptr_t>(first) % 256 == 0);
    CHECK(device.memory().used == 2 * modal::detail::device_bytes(size));
    stream->copy(first, sent.data(), size, copy_kind::to_device).value();
    stream->copy(second, first, size, copy_kind::on_device).value();
    stream->copy(got.data(), second, size, copy_kind::to_host).value();
    stream->deallocate(first, size);
    stream->deallocate(second, size);
    wait(*stream);
    CHECK((got == sent));
    CHECK(device.memory().used == 0);
  }
  CHECK(device.memory().most_used == std::size_t{20} << 20);
  stream->copy(nullptr, nullptr, 0, copy_kind::to_device).value();
  CHECK(stream->allocate(0).value() == nullptr);
  stream->deallocate(nullptr, 0);
}

TEST_CASE("host device: a stream keeps its order", "[device][host]") {
  host_device device;
  const auto stream = device.make_stream().value();
  const std::size_t large = std::size_t{4} << 20;
  const auto old_bytes = some_bytes(large, 1);
  const auto new_bytes = some_bytes(100, 77);
  std::vector<std::byte> got(large);
  std::byte* there = take(*stream, large);
  for (int i = 0; i < 20; ++i) {
    stream->copy(there, old_bytes.data(), large, copy_kind::to_device).value();
    stream->copy(there, new_bytes.data(), 100, copy_kind::to_device).value();
    stream->copy(got.data(), there, large, copy_kind::to_host).value();
    wait(*stream);
    CHECK((std::equal(new_bytes.begin(), new_bytes.end(), got.begin())));
    CHECK((std::equal(got.begin() + 100, got.end(), old_bytes.begin() + 100)));
  }
  stream->deallocate(there, large);
}

TEST_CASE("host device: marks are passed in their order, and tell the time", "[device][host]") {
  host_device device;
  const auto stream = device.make_stream().value();
  const auto first = stream->record().value();
  CHECK(first->is_passed().value());
  const std::vector<std::byte> bytes(std::size_t{1} << 20);
  std::byte* there = take(*stream, bytes.size());
  stream->copy(there, bytes.data(), bytes.size(), copy_kind::to_device).value();
  const auto second = stream->record().value();
  second->wait().value();
  CHECK(second->is_passed().value());
  CHECK(second->since(*first).value().count() > 0);
  stream->deallocate(there, bytes.size());
}

TEST_CASE("host device: copies of both directions run beside each other", "[device][host]") {
  std::promise<void> gate;
  host_device device({.on_copy = [held = gate.get_future().share()](copy_kind way) {
    if (way == copy_kind::to_device) held.wait();
  }});
  const auto up = device.make_stream().value();
  const auto down = device.make_stream().value();
  std::vector<std::byte> bytes(100);
  std::byte* first = take(*up, 100);
  std::byte* second = take(*down, 100);
  up->copy(first, bytes.data(), 100, copy_kind::to_device).value();
  up->deallocate(first, 100);
  const auto held = up->record().value();
  down->copy(bytes.data(), second, 100, copy_kind::to_host).value();
  down->deallocate(second, 100);
  wait(*down);  // while the other copy is held
  CHECK_FALSE(held->is_passed().value());
  CHECK(device.memory().used == 256);
  gate.set_value();
  held->wait().value();
  CHECK(device.memory().used == 0);
}

TEST_CASE("host device: a copy takes as long as its bus would", "[device][host]") {
  host_device device({.copy_bytes_per_second = 100'000'000});
  const auto stream = device.make_stream().value();
  const std::vector<std::byte> bytes(100'000);
  std::byte* there = take(*stream, bytes.size());
  const auto begun = stream->record().value();
  for (int i = 0; i < 5; ++i)
    stream->copy(there, bytes.data(), bytes.size(), copy_kind::to_device).value();
  const auto ended = stream->record().value();
  ended->wait().value();
  CHECK(ended->since(*begun).value() >= std::chrono::milliseconds(5));
  stream->deallocate(there, bytes.size());
}

TEST_CASE("host device: has as much memory as it says", "[device][host]") {
  host_device device({.memory_bytes = 1100});
  const auto stream = device.make_stream().value();
  std::byte* there = take(*stream, 500);  // in pieces of 256
  const auto refused = stream->allocate(513);
  REQUIRE(refused.has_error());
  CHECK(refused.error() == errc::device_out_of_memory);
  CHECK(refused.error().condition() == condition::retry_later);
  CHECK_THAT(refused.error().message(), test::contains("588 bytes left, and 513 are asked for"));
  std::byte* other = take(*stream, 512);
  stream->deallocate(there, 500);
  stream->deallocate(other, 512);
  CHECK(device.memory().used == 0);
  CHECK(stream->allocate(SIZE_MAX).has_error());
}

TEST_CASE("host device: streams may outlive it, and what they were given is done",
          "[device][host]") {
  std::shared_ptr<gpu::stream> stream;
  std::shared_ptr<gpu::event> mark;
  std::byte* there = nullptr;
  std::vector<std::byte> got(std::size_t{1} << 20);
  const auto sent = some_bytes(got.size(), 9);
  {
    host_device device;
    stream = device.make_stream().value();
    there = take(*stream, sent.size());
    stream->copy(there, sent.data(), sent.size(), copy_kind::to_device).value();
    stream->copy(got.data(), there, got.size(), copy_kind::to_host).value();
    mark = stream->record().value();
  }
  CHECK(mark->is_passed().value());
  CHECK((got == sent));
  stream->copy(got.data(), there, got.size(), copy_kind::to_host).value();
  stream->deallocate(there, sent.size());
  CHECK(stream->record().value()->is_passed().value());
}

TEST_CASE("host device: large results lie in memory that is kept", "[device][host]") {
  host_device device({.pinned_bytes = 1 << 20});
  const auto stream = device.make_stream().value();
  CHECK(stream->take_pinned(1000) == nullptr);
  const std::byte* first = nullptr;
  {
    const auto block = stream->take_pinned(1 << 20);
    REQUIRE(block != nullptr);
    first = block.get();
    CHECK(stream->take_pinned(100'000) == nullptr);
    CHECK(device.pinned().memory().used == 1 << 20);
  }
  CHECK(stream->take_pinned(1 << 20).get() == first);
  CHECK(device.pinned().memory().used == 0);
}

TEST_CASE("host device: draining a stream waits for all of it", "[device][host]") {
  host_device device({.copy_bytes_per_second = 100'000'000});
  const auto stream = device.make_stream().value();
  const auto sent = some_bytes(1'000'000, 5);
  std::vector<std::byte> got(sent.size());
  std::byte* there = take(*stream, sent.size());
  stream->copy(there, sent.data(), sent.size(), copy_kind::to_device).value();
  stream->copy(got.data(), there, got.size(), copy_kind::to_host).value();
  stream->deallocate(there, sent.size());
  stream->drain();
  CHECK((got == sent));
  CHECK(device.memory().used == 0);
}

TEST_CASE("host device: one that is given up fails at once, and says why", "[device][host]") {
  const std::vector<std::byte> bytes(1 << 20);  // longer than the device, which is still copying
  std::promise<void> begun;
  std::promise<void> goes_on;
  host_device device({.on_copy = [&, wait = goes_on.get_future().share()](gpu::copy_kind) {
    begun.set_value();
    wait.wait();
  }});
  const auto stream = device.make_stream().value();
  void* const there = stream->allocate(bytes.size()).value();
  stream->copy(there, bytes.data(), bytes.size(), gpu::copy_kind::to_device).value();
  begun.get_future().wait();
  const auto mark = stream->record().value();
  CHECK_FALSE(mark->is_passed().value());
  device.give_up("a test");
  device.give_up("another one");
  CHECK(device.has_failed());
  CHECK(device.is_given_up());
  for (const auto& failure :
       {mark->is_passed().error(), mark->wait().error(), stream->allocate(1).error(),
        stream->copy(there, there, 1, gpu::copy_kind::on_device).error(), stream->record().error(),
        device.make_stream().error()}) {
    CHECK(failure == errc::device_fault);
    CHECK_THAT(failure.details().message, test::contains("given up, for a test"));
  }
  stream->drain();
  stream->deallocate(there, bytes.size());
  CHECK(device.memory().used == bytes.size());
  goes_on.set_value();
}
