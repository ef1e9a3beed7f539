// SPDX-License-Identifier: Apache-2.0
#include <modal/wire/incoming_body.hpp>

#include "support/catch.hpp"
#include "support/segment_store.hpp"

#include <array>
#include <cstring>
#include <type_traits>

using namespace modal;

static_assert(std::is_nothrow_move_constructible_v<incoming_body>);
static_assert(std::is_nothrow_move_assignable_v<incoming_body>);
static_assert(!std::is_copy_constructible_v<incoming_body>);

TEST_CASE("incoming body: of one block", "[wire][incoming_body]") {
  modal::buffer_pool pool;
  auto block = pool.take(5);
  std::memcpy(block.data(), "hello", 5);
  incoming_body body(std::move(block));
  CHECK(body.size() == 5);
  CHECK(body.parts() == nullptr);
  CHECK(std::memcmp(body.block().data(), "hello", 5) == 0);
}

TEST_CASE("incoming body: its parts stay where they are when it moves", "[wire][incoming_body]") {
  modal::buffer_pool pool;
  auto front = pool.take(10);
  auto large = std::make_unique<test::segment_store>();
  const modal::bytes_view segment = large->find_room({0, 0, 100}, {}).value();
  const modal::bytes_view envelope = front.view();
  incoming_body first(std::move(front), {envelope, {segment}, 164});
  first.keep(std::move(large));
  incoming_body second(std::move(first));
  incoming_body body;
  CHECK(body.size() == 0);
  body = std::move(second);
  CHECK(second.parts() == nullptr);  // NOLINT: what was moved from is empty
  CHECK(second.size() == 0);
  REQUIRE(body.parts() != nullptr);
  CHECK(body.size() == 164);
  CHECK(body.parts()->envelope().data() == envelope.data());
  CHECK(body.parts()->segments().at(0).data() == segment.data());
  CHECK(body.block().data() == envelope.data());
}

TEST_CASE("incoming body: what its segments lie in says where they are in the end",
          "[wire][incoming_body]") {
  static const std::array<std::byte, 3> elsewhere{};
  struct moving final : segment_memory {
    result<std::span<std::byte>> find_room(const segment_part&, std::function<void()>) override {
      return std::span<std::byte>();
    }
    void settle(std::span<bytes_view> segments) noexcept override { segments[1] = elsewhere; }
  };
  std::array<std::byte, 2> first{};
  incoming_body body(buffer(), payload_view({}, {first, first}, 64));
  body.keep(std::make_unique<moving>());
  CHECK(body.parts()->segments()[0].data() == first.data());
  CHECK(body.parts()->segments()[1].data() == elsewhere.data());
  CHECK(body.segments() != nullptr);
}
