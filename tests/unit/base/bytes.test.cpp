// SPDX-License-Identifier: Apache-2.0
#include <modal/base/bytes.hpp>

#include "support/catch.hpp"

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace {

constexpr std::size_t huge_page = std::size_t{2} << 20;

std::uintptr_t address_of(const modal::buffer& taken) {
  return reinterpret_cast<std::uintptr_t>(taken.data());
}

}  // namespace

using namespace modal::literals;
static_assert(3_KiB == 3072 && 512_MiB == 536'870'912 && 2_GiB == 2'147'483'648);

TEST_CASE("align_up: gives the next multiple, or the number itself", "[base][bytes]") {
  CHECK(modal::align_up(0, 64) == 0);
  CHECK(modal::align_up(1, 64) == 64);
  CHECK(modal::align_up(64, 64) == 64);
  CHECK(modal::align_up(65, 64) == 128);
}

TEST_CASE("buffer: has the size that was asked for", "[base][bytes]") {
  modal::buffer_pool pool;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{4096},
                                 std::size_t{4097}, huge_page, huge_page + 1}) {
    const auto taken = pool.take(size);
    CHECK(taken.size() == size);
    CHECK(taken.capacity() >= size);
    CHECK(taken.view().size() == size);
  }
}

TEST_CASE("buffer: small ones are aligned to 64 bytes", "[base][bytes]") {
  modal::buffer_pool pool;
  for (std::size_t size = 1; size < huge_page; size = size * 3 + 1)
    CHECK(address_of(pool.take(size)) % 64 == 0);
}

TEST_CASE("buffer: large ones are aligned to 2 MiB", "[base][bytes]") {
  modal::buffer_pool pool;
  const auto first = pool.take(huge_page);
  const auto second = pool.take(5 * huge_page + 1);
  CHECK(address_of(first) % huge_page == 0);
  CHECK(address_of(second) % huge_page == 0);
}

TEST_CASE("buffer: can be written over its whole capacity", "[base][bytes]") {
  modal::buffer_pool pool;
  for (const std::size_t size : {std::size_t{100}, std::size_t{100'000}, huge_page + 5}) {
    auto taken = pool.take(size);
    std::memset(taken.data(), 0x5a, taken.capacity());
    CHECK(taken.data()[taken.capacity() - 1] == std::byte{0x5a});
  }
}

TEST_CASE("buffer: a move leaves the source empty", "[base][bytes]") {
  modal::buffer_pool pool;
  auto first = pool.take(10);
  const auto* data = first.data();
  const modal::buffer second(std::move(first));
  CHECK(second.data() == data);
  CHECK(second.size() == 10);
  CHECK(first.data() == nullptr);  // NOLINT(bugprone-use-after-move): what it promises
  CHECK(first.size() == 0);
}

TEST_CASE("buffer: assignment gives the old bytes back", "[base][bytes]") {
  modal::buffer_pool pool;
  auto taken = pool.take(10);
  CHECK(pool.retained() == 0);
  taken = pool.take(10'000);
  CHECK(pool.retained() == 4096);
}

TEST_CASE("buffer: resize changes the size only", "[base][bytes]") {
  modal::buffer_pool pool;
  auto taken = pool.take(10);
  const auto* data = taken.data();
  taken.resize(4000);
  CHECK(taken.size() == 4000);
  CHECK(taken.data() == data);
}

TEST_CASE("buffer pool: hands out again what came back", "[base][bytes]") {
  modal::buffer_pool pool;
  const std::byte* small = nullptr;
  const std::byte* large = nullptr;
  {
    const auto first = pool.take(5000);
    const auto second = pool.take(huge_page);
    small = first.data();
    large = second.data();
  }
  CHECK(pool.take(6000).data() == small);
  CHECK(pool.take(huge_page).data() == large);
}

TEST_CASE("buffer pool: does not waste a large buffer on a request of less than half",
          "[base][bytes]") {
  modal::buffer_pool pool;
  const std::byte* large = pool.take(8 * huge_page).data();
  const auto other = pool.take(2 * huge_page);
  CHECK(other.data() != large);
  CHECK(pool.retained() == 8 * huge_page);
}

TEST_CASE("buffer pool: keeps no more than its cap", "[base][bytes]") {
  modal::buffer_pool pool(10'000);
  {
    const auto first = pool.take(4096);
    const auto second = pool.take(4096);
    const auto third = pool.take(4096);
  }
  CHECK(pool.retained() == 8192);
}

TEST_CASE("buffer pool: with a cap of zero keeps nothing", "[base][bytes]") {
  modal::buffer_pool pool(0);
  { const auto taken = pool.take(1); }
  CHECK(pool.retained() == 0);
}

TEST_CASE("buffer pool: counts only what is not in use", "[base][bytes]") {
  modal::buffer_pool pool;
  { const auto taken = pool.take(4096); }
  REQUIRE(pool.retained() == 4096);
  const auto again = pool.take(4096);
  CHECK(pool.retained() == 0);
}

TEST_CASE("buffer: may outlive its pool", "[base][bytes]") {
  std::optional<modal::buffer_pool> pool(std::in_place);
  auto small = pool->take(100);
  auto large = pool->take(huge_page);
  pool.reset();
  std::memset(small.data(), 1, small.size());
  std::memset(large.data(), 1, large.size());
  CHECK(small.data()[99] == std::byte{1});
}

TEST_CASE("buffer pool: throws for a size that no machine has", "[base][bytes]") {
  modal::buffer_pool pool;
  CHECK_THROWS_AS(pool.take(SIZE_MAX), std::bad_alloc);
  CHECK_THROWS_AS(pool.take(SIZE_MAX / 2), std::bad_alloc);
}

TEST_CASE("give_back: nothing of the memory stays", "[bytes]") {
  std::vector<std::byte> bytes(1000);
  modal::detail::give_back(bytes);
  CHECK(bytes.capacity() == 0);
  std::string text(1000, 'x');
  modal::detail::give_back(text);
  CHECK(text.empty());
  CHECK(text.capacity() == std::string().capacity());
}
