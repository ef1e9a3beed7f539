// SPDX-License-Identifier: Apache-2.0
#include <modal/gpu/current_stream.hpp>
#include <modal/gpu/device_error.hpp>

#include "support/catch.hpp"

#include <array>
#include <cstdint>
#include <thread>

using namespace modal::gpu;

TEST_CASE("current stream: outside of calls it does everything at once", "[gpu][current_stream]") {
  stream& local = *current_stream();
  CHECK(local.is_host());
  CHECK(local.native_handle() == nullptr);
  const std::array<int, 3> sent{1, 2, 3};
  std::array<int, 3> got{};
  const auto before = local.record().value();
  void* there = local.allocate(sizeof sent).value();
  CHECK(reinterpret_cast<std::uintptr_t>(there) % 256 == 0);
  local.copy(there, sent.data(), sizeof sent, copy_kind::to_device).value();
  local.copy(got.data(), there, sizeof got, copy_kind::to_host).value();
  CHECK(got == sent);
  local.drain();
  local.deallocate(there, sizeof sent);
  const auto after = local.record().value();
  CHECK(after->is_passed().value());
  after->wait().value();
  CHECK(after->since(*before).value().count() >= 0);
  CHECK(local.allocate(0).value() == nullptr);
  CHECK(local.allocate(SIZE_MAX).error() == modal::errc::device_out_of_memory);
  local.copy(nullptr, nullptr, 0, copy_kind::on_device).value();
}

TEST_CASE("current stream: is a thread's own, and scopes nest", "[gpu][current_stream]") {
  const auto outside = current_stream();
  // Another name for the same stream is enough to tell them apart.
  const auto first = std::shared_ptr<stream>(std::make_shared<int>(), outside.get());
  const auto second = std::shared_ptr<stream>(std::make_shared<int>(), outside.get());
  const auto owner_is = [](const std::shared_ptr<stream>& one) {
    return !one.owner_before(current_stream()) && !current_stream().owner_before(one);
  };
  {
    const stream_scope a(first);
    CHECK(owner_is(first));
    {
      const stream_scope b(second);
      CHECK(owner_is(second));
      bool is_local = false;
      std::thread([&] { is_local = owner_is(outside); }).join();
      CHECK(is_local);
    }
    CHECK(owner_is(first));
  }
  CHECK(owner_is(outside));
}

namespace {

// Counts what it has out.
class counting_stream final : public stream {
 public:
  modal::result<void*> allocate(std::size_t bytes) override {
    if (bytes > 1'000'000) return modal::error(modal::errc::device_out_of_memory, "full");
    out += bytes;
    return local_->allocate(bytes);
  }
  void deallocate(void* memory, std::size_t bytes) noexcept override {
    out -= bytes;
    local_->deallocate(memory, bytes);
  }
  modal::result<void> copy(void* to, const void* from, std::size_t bytes, copy_kind way) override {
    return local_->copy(to, from, bytes, way);
  }
  modal::result<std::shared_ptr<event>> record() override { return local_->record(); }
  void drain() noexcept override {}
  [[nodiscard]] void* native_handle() const noexcept override { return nullptr; }
  [[nodiscard]] bool is_host() const noexcept override { return true; }

  std::size_t out = 0;

 private:
  const std::shared_ptr<stream> local_ = current_stream();
};

}  // namespace

TEST_CASE("current stream: scratch memory is its scope's", "[gpu][current_stream]") {
  const auto outer = std::make_shared<counting_stream>();
  const auto inner = std::make_shared<counting_stream>();
  {
    const stream_scope a(outer);
    auto* const first = static_cast<char*>(take_scratch(100));
    CHECK(outer->out == 100);
    {
      const stream_scope b(inner);
      (void)take_scratch(20);
      (void)take_scratch(3);
      CHECK(inner->out == 23);
    }
    CHECK(inner->out == 0);
    first[99] = 'x';
    CHECK_THROWS_AS(take_scratch(2'000'000), modal::device_error);
    CHECK(outer->out == 100);
    CHECK(take_scratch(0) == nullptr);
  }
  CHECK(outer->out == 0);
  // Outside of scopes it stays until the thread ends.
  std::thread([] { static_cast<char*>(take_scratch(10))[9] = 'x'; }).join();
}
