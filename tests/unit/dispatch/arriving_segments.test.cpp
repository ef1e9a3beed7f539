// SPDX-License-Identifier: Apache-2.0
#include "dispatch/arriving_segments.hpp"

#include "device/cuda/cuda_device.hpp"
#include "device/host/host_device.hpp"
#include "dispatch/pinned_segments.hpp"
#include "support/catch.hpp"
#include "support/strict_driver.hpp"

#include <cstring>
#include <future>
#include <numeric>
#include <semaphore>
#include <vector>

using namespace modal;
using namespace modal::detail;

namespace {

constexpr std::size_t piece = arriving_segments::piece_bytes;
constexpr std::size_t ring = arriving_segments::pieces * piece;

struct arrival_bench {
  explicit arrival_bench(std::shared_ptr<device> which)
      : slot(std::make_shared<device_slot>(std::move(which))) {}
  explicit arrival_bench(host_device_config config = {})
      : arrival_bench(std::make_shared<host_device>(config)) {}

  std::unique_ptr<arriving_segments> make(std::size_t body) {
    return std::make_unique<arriving_segments>(slot,
                                               std::make_unique<pinned_segments>(slot, pool, body));
  }
  // As a connection does: waits when it has to.
  static std::span<std::byte> room(arriving_segments& segments, const segment_part& due) {
    for (;;) {
      auto told = std::make_shared<std::promise<void>>();
      const auto found = segments.find_room(due, [told] { told->set_value(); }).value();
      if (!found.empty()) return found;
      told->get_future().wait();
    }
  }
  // From `begin` on, up to the first piece that is full at `end`.
  static void feed(arriving_segments& segments, std::size_t segment, bytes_view bytes,
                   std::size_t begin, std::size_t end) {
    for (std::size_t at = begin; at < end;) {
      const auto there = room(segments, {segment, at, bytes.size() - at});
      std::memcpy(there.data(), bytes.data() + at, there.size());
      at += there.size();
    }
  }
  static void feed(arriving_segments& segments, std::size_t segment, bytes_view bytes) {
    feed(segments, segment, bytes, 0, bytes.size());
  }
  static std::vector<std::byte> some(std::size_t size) {
    std::vector<std::byte> made(size);
    for (std::size_t i = 0; i < size; ++i) made[i] = static_cast<std::byte>(i * 31 + i / 4096);
    return made;
  }
  [[nodiscard]] std::size_t locked() const { return slot->which().pinned().memory().used; }
  [[nodiscard]] std::size_t used() const { return slot->which().memory().used; }

  buffer_pool pool;
  std::shared_ptr<device_slot> slot;
};

std::vector<std::byte> bring_back(gpu::stream& on, bytes_view there) {
  const auto locked = on.take_pinned(there.size());
  on.copy(locked.get(), there.data(), there.size(), gpu::copy_kind::to_host).value();
  on.drain();
  return {locked.get(), locked.get() + there.size()};
}

}  // namespace

TEST_CASE("arriving segments: go to the device by a few pieces of locked memory",
          "[dispatch][segments]") {
  test::strict_driver driver;
  const auto table = driver.table();
  const bool is_gpu = GENERATE(false, true);
  arrival_bench b(is_gpu ? std::shared_ptr<device>(std::make_shared<cuda_device>(
                               table, find_cuda_devices(table).value().front()))
                         : std::make_shared<host_device>());
  const auto first = b.some(9 * piece + 12'345);
  const auto second = b.some(100'000);
  {
    const auto segments = b.make(first.size() + second.size());
    b.feed(*segments, 0, first);
    b.feed(*segments, 2, second);
    CHECK(b.locked() == ring);
    CHECK(b.used() == device_bytes(first.size()) + device_bytes(second.size()));
    std::vector<bytes_view> where(3);
    where[1] = second;
    segments->settle(where);
    CHECK(where[1].data() == second.data());
    CHECK_FALSE(segments->arrivals().failure);
    CHECK(bring_back(*segments->stream(), where[0]) == first);
    CHECK(bring_back(*segments->stream(), where[2]) == second);
    CHECK(segments->pinned().empty());
  }
  CHECK(b.slot->wait_quiet(never));
  CHECK(b.locked() == 0);
  CHECK(b.used() == 0);
}

TEST_CASE("arriving segments: wait for a device that is slower, without a thread",
          "[dispatch][segments]") {
  std::counting_semaphore<64> copies{0};
  arrival_bench b({.on_copy = [&copies](gpu::copy_kind) { copies.acquire(); }});
  const auto bytes = b.some(6 * piece);
  auto segments = b.make(bytes.size());
  b.feed(*segments, 0, bytes, 0, 4 * piece);
  const segment_part fifth{0, 4 * piece, 2 * piece};
  std::promise<void> told;
  CHECK(segments->find_room(fifth, [&told] { told.set_value(); }).value().empty());
  SECTION("until a piece is free again") {
    copies.release();
    told.get_future().wait();
    CHECK(segments->find_room(fifth, {}).value().size() == piece);
  }
  SECTION("and what is given up meanwhile is kept until it is copied") {
    segments.reset();
    CHECK(b.locked() == ring);
    CHECK(b.used() == bytes.size());
  }
  copies.release(32);
  segments.reset();
  CHECK(b.slot->wait_quiet(never));
  CHECK(b.locked() == 0);
  CHECK(b.used() == 0);
}

TEST_CASE("arriving segments: what has no room there waits on the host", "[dispatch][segments]") {
  arrival_bench b({.memory_bytes = 2 * piece, .pinned_bytes = GENERATE(0U, 64U << 20)});
  const auto bytes = b.some(3 * piece);
  const auto segments = b.make(2 * bytes.size());
  const auto there = b.room(*segments, {0, 0, bytes.size()});
  CHECK(there.size() == bytes.size());
  std::vector<bytes_view> where{there};
  segments->settle(where);
  CHECK(where[0].data() == there.data());
  CHECK(segments->arrivals().blocks.empty());
  CHECK(b.used() == 0);
}

TEST_CASE("arriving segments: whatever fails on a GPU leaves nothing, and is told",
          "[dispatch][segments]") {
  const auto status = GENERATE(cuda::out_of_memory, cuda::illegal_address, cuda::launch_failed);
  const bool is_given_up = GENERATE(false, true);
  for (int number = 1;; ++number) {
    INFO("call " << number << " of the driver");
    test::strict_driver driver;
    {
      const auto table = driver.table();
      arrival_bench b(
          std::make_shared<cuda_device>(table, find_cuda_devices(table).value().front()));
      const auto bytes = b.some(6 * piece + 7);
      driver.fail(number, status);
      auto segments = b.make(bytes.size());
      b.feed(*segments, 0, bytes, 0, 5 * piece);
      if (!is_given_up) {
        // The rest comes whatever became of what came before.
        b.feed(*segments, 0, bytes, 5 * piece, bytes.size());
        std::vector<bytes_view> where(1);
        segments->settle(where);
        if (segments->arrivals().failure) CHECK(driver.has_failed());
      }
      segments.reset();
      CHECK(b.slot->wait_quiet(never));
      CHECK(b.locked() == 0);
      CHECK(b.used() == 0);
    }
    const bool was_reached = driver.has_failed();
    CHECK(driver.complaints() == std::vector<std::string>{});
    if (!was_reached) break;
  }
}
