// SPDX-License-Identifier: Apache-2.0
#include "device/pinned_pool.hpp"

#include "support/catch.hpp"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

using namespace modal;
using namespace modal::detail;

namespace {

constexpr std::size_t kib = 1024;

struct counts {
  std::size_t locked = 0;
  std::size_t times = 0;
  bool fails = false;
};

class counted_block final : public pinned_block {
 public:
  counted_block(std::shared_ptr<counts> all, std::size_t bytes)
      : all_(std::move(all)), bytes_(bytes) {
    all_->locked += bytes;
    ++all_->times;
  }
  ~counted_block() override { all_->locked -= bytes_.size(); }
  [[nodiscard]] std::byte* data() noexcept override { return bytes_.data(); }
  [[nodiscard]] std::size_t size() const noexcept override { return bytes_.size(); }

 private:
  const std::shared_ptr<counts> all_;
  std::vector<std::byte> bytes_;
};

struct pool_bench {
  explicit pool_bench(std::size_t limit)
      : pool(limit, [all = all](std::size_t bytes) -> result<std::unique_ptr<pinned_block>> {
          if (all->fails) return error(errc::device_out_of_memory, "injected");
          return std::make_unique<counted_block>(all, bytes);
        }) {}
  std::shared_ptr<counts> all = std::make_shared<counts>();
  pinned_pool pool;
};

}  // namespace

TEST_CASE("pinned pool: gives again what came back", "[device][pinned]") {
  pool_bench b(1024 * kib);
  CHECK(b.pool.take_ready(100 * kib) == nullptr);
  CHECK(b.pool.can_grow(100 * kib));
  const std::byte* first = nullptr;
  {
    const auto taken = b.pool.take(100 * kib);
    REQUIRE(taken != nullptr);
    first = taken.get();
    CHECK(b.pool.memory().used >= 100 * kib);
    CHECK(b.pool.take_ready(100 * kib) == nullptr);
  }
  CHECK(b.pool.memory().used == 0);
  CHECK(b.pool.memory().locked == b.all->locked);
  // One of about its size will do, one of a quarter of it is not to have it.
  CHECK(b.pool.take_ready(98 * kib).get() == first);
  CHECK(b.pool.take(70 * kib).get() == first);
  CHECK(b.all->times == 1);
  const auto large = b.pool.take(600 * kib);
  REQUIRE(large != nullptr);
  CHECK(b.all->times == 2);
}

TEST_CASE("pinned pool: never locks more than its limit", "[device][pinned]") {
  pool_bench b(256 * kib);
  CHECK(b.pool.take(257 * kib) == nullptr);
  CHECK_FALSE(b.pool.can_grow(257 * kib));
  CHECK(b.pool.take(SIZE_MAX) == nullptr);
  {
    const auto first = b.pool.take(128 * kib);
    const auto second = b.pool.take(128 * kib);
    REQUIRE(second != nullptr);
    CHECK(b.pool.take(1) == nullptr);
    CHECK_FALSE(b.pool.can_grow(1));
    CHECK(b.all->locked == 256 * kib);
  }
  // What is kept, but too small, makes room.
  const auto all_of_it = b.pool.take(256 * kib);
  REQUIRE(all_of_it != nullptr);
  CHECK(b.all->locked == 256 * kib);
  CHECK(b.pool.memory().locked == 256 * kib);
}

TEST_CASE("pinned pool: goes without where nothing can be locked", "[device][pinned]") {
  pool_bench b(256 * kib);
  b.all->fails = true;
  CHECK(b.pool.take(1000) == nullptr);
  CHECK(b.pool.memory().used == 0);
  CHECK(b.pool.memory().locked == 0);
  b.all->fails = false;
  CHECK(b.pool.take(256 * kib) != nullptr);
  pool_bench none(0);
  CHECK(none.pool.take(1) == nullptr);
}

TEST_CASE("pinned pool: memory that is out may outlive it", "[device][pinned]") {
  std::shared_ptr<std::byte[]> taken;
  std::shared_ptr<counts> all;
  {
    pool_bench b(256 * kib);
    all = b.all;
    taken = b.pool.take(1000);
    const auto other = b.pool.take(1000);
  }
  CHECK(all->locked == 64 * kib);
  taken[999] = std::byte{1};
  taken.reset();
  CHECK(all->locked == 0);
}

TEST_CASE("pinned pool: is safe to share", "[device][pinned]") {
  pinned_pool pool(1024 * kib, [](std::size_t bytes) -> result<std::unique_ptr<pinned_block>> {
    return std::make_unique<counted_block>(std::make_shared<counts>(), bytes);
  });
  std::atomic<int> wrong{0};
  std::vector<std::thread> users;
  for (unsigned user = 1; user <= 4; ++user)
    users.emplace_back([&pool, &wrong, user] {
      for (std::size_t i = 0; i < 300; ++i) {
        const std::size_t size = (i * 37 % 400 + 1) * kib;
        if (const auto taken = i % 3 == 0 ? pool.take_ready(size) : pool.take(size)) {
          // Nobody else has it, or the sanitizer says so.
          std::fill_n(taken.get(), size, static_cast<std::byte>(user));
          wrong += std::count(taken.get(), taken.get() + size, static_cast<std::byte>(user)) !=
                   static_cast<std::ptrdiff_t>(size);
        }
      }
    });
  for (auto& each : users) each.join();
  CHECK(wrong == 0);
  CHECK(pool.memory().used == 0);
  CHECK(pool.memory().locked <= 1024 * kib);
}

TEST_CASE("pinned pool: who is in a hurry unlocks nothing, and leaves a wish", "[device][pinned]") {
  pool_bench b(1024 * kib);
  CHECK(b.pool.take_soon(600 * kib) != nullptr);  // and gives it back
  CHECK(b.pool.wish() == 0);
  CHECK(b.pool.take_soon(800 * kib) == nullptr);
  CHECK(b.pool.take_soon(700 * kib) == nullptr);
  CHECK(b.all->times == 1);
  const std::size_t wished = b.pool.wish();
  CHECK(wished == 800 * kib);
  CHECK(b.pool.wish() == 0);
  (void)b.pool.take(wished);
  CHECK(b.all->times == 2);
  CHECK(b.pool.take_soon(800 * kib) != nullptr);
  CHECK(b.all->times == 2);
}
