// SPDX-License-Identifier: Apache-2.0
#include <modal/gpu/device_vector.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <type_traits>
#include <vector>

using modal::device_span;
using modal::device_vector;

static_assert(std::is_nothrow_move_constructible_v<device_vector<int>>);
static_assert(std::is_nothrow_move_assignable_v<device_vector<int>>);
static_assert(!std::is_copy_constructible_v<device_vector<int>>);

namespace {

// Counts what it is asked for; has room for `most` bytes.
class counting_stream final : public modal::gpu::stream {
 public:
  explicit counting_stream(std::size_t most = SIZE_MAX) : most_(most) {}
  modal::result<void*> allocate(std::size_t bytes) override {
    if (bytes > most_) return modal::error(modal::errc::device_out_of_memory, "full");
    auto made = local().allocate(bytes);
    taken += bytes;
    return made;
  }
  void deallocate(void* memory, std::size_t bytes) noexcept override {
    taken -= bytes;
    local().deallocate(memory, bytes);
  }
  modal::result<void> copy(void* to, const void* from, std::size_t bytes,
                           modal::gpu::copy_kind way) override {
    return local().copy(to, from, bytes, way);
  }
  modal::result<std::shared_ptr<modal::gpu::event>> record() override { return local().record(); }
  void drain() noexcept override {}
  [[nodiscard]] void* native_handle() const noexcept override { return nullptr; }
  [[nodiscard]] bool is_host() const noexcept override { return true; }

  std::size_t taken = 0;

 private:
  static stream& local() { return *modal::gpu::current_stream(); }
  const std::size_t most_;
};

}  // namespace

TEST_CASE("device vector: owns memory of the stream it was made on", "[gpu][device_vector]") {
  const auto stream = std::make_shared<counting_stream>();
  {
    device_vector<float> first(1000, stream);
    CHECK(first.size() == 1000);
    CHECK(first.size_bytes() == 4000);
    CHECK(stream->taken == 4000);
    float* const where = first.data();
    device_vector<float> second(std::move(first));
    CHECK(first.size() == 0);  // NOLINT: what was moved from is empty
    CHECK(first.data() == nullptr);
    CHECK(second.data() == where);
    device_vector<float> third(10, stream);
    CHECK(stream->taken == 4040);
    third = std::move(second);
    CHECK(third.data() == where);
    CHECK(stream->taken == 4000);
    const device_vector<float> empty(0, stream);
    CHECK(empty.empty());
  }
  CHECK(stream->taken == 0);
  CHECK(stream.use_count() == 1);
}

TEST_CASE("device vector: can be used at once outside of calls", "[gpu][device_vector]") {
  device_vector<int> numbers(5);
  const device_span<int> all = numbers;
  std::fill(all.begin(), all.end(), 7);
  const device_span<const int> seen = std::as_const(numbers);
  CHECK(std::count(seen.begin(), seen.end(), 7) == 5);
}

TEST_CASE("device vector: says when there is no memory for it", "[gpu][device_vector]") {
  const auto stream = std::make_shared<counting_stream>(100);
  const auto failure = [&](std::size_t size) {
    try {
      const device_vector<double> made(size, stream);
    } catch (const modal::call_error& thrown) {
      return thrown.reason().value();
    }
    return modal::errc::bad_configuration;
  };
  CHECK(failure(13) == modal::errc::device_out_of_memory);
  CHECK(failure(SIZE_MAX / 4) == modal::errc::device_out_of_memory);
  CHECK(stream->taken == 0);
}
