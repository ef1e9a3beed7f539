// SPDX-License-Identifier: Apache-2.0
#include <modal/function/device_transfer.hpp>

#include "support/catch.hpp"
#include "support/noting_stream.hpp"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

using modal::device_span;
using modal::device_vector;
using modal::pinned_span;
using modal::detail::device_uploads;
using test::noting_stream;

namespace {

template <class T>
std::vector<T> ramp(std::size_t size, int first) {
  std::vector<T> made(size);
  std::iota(made.begin(), made.end(), static_cast<T>(first));
  return made;
}

template <class T>
device_span<const T> argument_of(const std::vector<T>& values) {
  return {values.data(), values.size()};
}

template <class T>
bool is_there(const device_span<const T>& which, const std::vector<T>& values) {
  return std::equal(which.begin(), which.end(), values.begin(), values.end()) &&
         which.data() != values.data();
}

}  // namespace

TEST_CASE("device uploads: large arguments go alone, small ones together",
          "[function][device_transfer]") {
  const auto stream = std::make_shared<noting_stream>();
  const auto big = ramp<float>(20'000, 1);
  const auto small = ramp<std::int16_t>(3, 7);
  const auto other = ramp<double>(100, 9);
  const std::vector<int> none;
  auto a = argument_of(small);
  auto b = argument_of(big);
  auto c = argument_of(none);
  auto d = argument_of(other);
  {
    device_uploads uploads;
    uploads.add(a);
    uploads.add(b);
    uploads.add(c);
    uploads.add(d);
    uploads.put(stream, {}).value();
    CHECK(is_there(a, small));
    CHECK(is_there(b, big));
    CHECK(c.empty());
    CHECK(is_there(d, other));
    CHECK(reinterpret_cast<std::uintptr_t>(d.data()) % 64 == 0);
    CHECK(stream->copies == std::vector<std::size_t>{80'000, 64 + 800});
  }
  CHECK(stream->taken == 0);
}

TEST_CASE("device uploads: what lies together is copied from where it lies",
          "[function][device_transfer]") {
  const auto stream = std::make_shared<noting_stream>();
  alignas(64) std::array<std::byte, 1024> block{};
  auto* const first = reinterpret_cast<float*>(block.data() + 128);
  auto* const second = reinterpret_cast<double*>(block.data() + 256);
  for (int i = 0; i < 10; ++i) {
    first[i] = static_cast<float>(i);
    second[i] = i * 2;
  }
  device_span<const float> a{first, 10};
  device_span<const double> b{second, 10};
  device_uploads uploads;
  uploads.add(b);
  uploads.add(a);
  uploads.put(stream, block).value();
  CHECK(stream->copies == std::vector<std::size_t>{256 + 80 - 128});
  CHECK(std::equal(a.begin(), a.end(), first));
  CHECK(std::equal(b.begin(), b.end(), second));
}

TEST_CASE("device uploads: what lies far apart is packed first", "[function][device_transfer]") {
  const auto stream = std::make_shared<noting_stream>();
  std::vector<int> block(100'000);
  block[0] = 5;
  block[99'999] = 6;
  device_span<const int> a{&block[0], 1};
  device_span<const int> b{&block[99'999], 1};
  device_uploads uploads;
  uploads.add(a);
  uploads.add(b);
  uploads.put(stream, std::as_bytes(std::span(block))).value();
  CHECK(stream->copies == std::vector<std::size_t>{68});
  CHECK(a[0] == 5);
  CHECK(b[0] == 6);
}

TEST_CASE("device uploads: no room is an error, and leaves nothing",
          "[function][device_transfer]") {
  const auto big = ramp<float>(20'000, 1);
  const auto small = ramp<float>(100, 1);
  for (const std::size_t most : {0U, 79'999U, 80'000U, 80'399U, 80'400U}) {
    const auto stream = std::make_shared<noting_stream>(most);
    auto a = argument_of(big);
    auto b = argument_of(small);
    {
      device_uploads uploads;
      uploads.add(a);
      uploads.add(b);
      const auto put = uploads.put(stream, {});
      CHECK(put.has_value() == (most == 80'400U));
      if (!put) CHECK(put.error() == modal::errc::device_out_of_memory);
    }
    CHECK(stream->taken == 0);
  }
}

TEST_CASE("device uploads: a GPU copies from locked memory wherever there is some",
          "[function][device_transfer]") {
  const auto stream = std::make_shared<noting_stream>();
  stream->is_gpu = true;
  stream->pinned_left = 70'000 * sizeof(int) + 1000;
  const auto locked = ramp<int>(40'000, 1);  // where the body came to lie
  const auto other = ramp<int>(70'000, 2);
  const auto more = ramp<int>(80'000, 3);
  const auto small = ramp<int>(100, 4);
  auto a = argument_of(locked);
  auto b = argument_of(other);
  auto c = argument_of(more);
  auto d = argument_of(small);
  device_uploads uploads;
  for (auto* each : {&a, &b, &c, &d}) uploads.add(*each);
  uploads.put(stream, std::as_bytes(std::span(small)), std::as_bytes(std::span(locked))).value();
  REQUIRE(stream->sources.size() == 4);
  REQUIRE(stream->pinned.size() == 2);
  CHECK(stream->sources[0] == locked.data());
  CHECK(stream->sources[1] == stream->pinned[0].get());
  CHECK(stream->sources[2] == more.data());  // there was none left for it
  CHECK(stream->sources[3] == stream->pinned[1].get());
  CHECK(is_there(a, locked));
  CHECK(is_there(b, other));
  CHECK(is_there(c, more));
  CHECK(is_there(d, small));
}

TEST_CASE("device uploads: what a function is to own has memory of its own",
          "[function][device_transfer]") {
  const auto stream = std::make_shared<noting_stream>();
  const auto values = ramp<int>(10, 5);
  device_vector<int> own;
  own.refer_to_host(values);
  CHECK(own.host_elements().data() == values.data());
  device_vector<int> none;
  none.refer_to_host({});
  {
    device_uploads uploads;
    uploads.add(own);
    uploads.add(none);
    uploads.put(stream, {}).value();
  }
  CHECK(stream->taken == 40);
  CHECK(none.empty());
  CHECK(is_there(std::as_const(own).span(), values));
  own = {};
  CHECK(stream->taken == 0);
}

TEST_CASE("device uploads: what stays on the host comes to locked memory where that is needed",
          "[function][device_transfer]") {
  const auto stream = std::make_shared<noting_stream>();
  stream->is_gpu = true;
  stream->pinned_left = 500;
  const auto values = ramp<int>(100, 5);
  pinned_span<const int> first(values.data(), values.size());
  pinned_span<const int> second = first;
  pinned_span<const int> third = first;
  {
    device_uploads uploads;
    uploads.add(first);
    uploads.add(second);
    uploads.put(stream, {}).value();
    CHECK(first.data() != values.data());
    CHECK(std::equal(first.begin(), first.end(), values.begin(), values.end()));
    CHECK(second.data() == values.data());  // there was no more
  }
  device_uploads uploads;
  uploads.add(third);
  uploads.put(stream, {}, std::as_bytes(std::span(values))).value();
  CHECK(third.data() == values.data());
  CHECK(stream->copies.empty());
}

TEST_CASE("copy to host: comes to locked memory where there is some",
          "[function][device_transfer]") {
  noting_stream stream;
  stream.pinned_left = 400;
  const auto values = ramp<int>(100, 5);
  const auto first = modal::detail::copy_to_host(stream, values.data(), 100);
  const auto second = modal::detail::copy_to_host(stream, values.data(), 100);
  CHECK(static_cast<const void*>(first.get()) == stream.pinned.at(0).get());
  CHECK(std::equal(values.begin(), values.end(), first.get()));
  CHECK(std::equal(values.begin(), values.end(), second.get()));
  CHECK(modal::detail::copy_to_host(stream, values.data(), 0) == nullptr);
}

TEST_CASE("device uploads: tell which way the bytes went", "[function][device_transfer]") {
  using modal::transfer_path;
  const auto big = ramp<int>(20'000, 1);
  const auto small = ramp<int>(10, 2);
  const auto path_of = [&](bool is_gpu, std::size_t pinned_left, bool has_big, bool lies_pinned) {
    const auto stream = std::make_shared<noting_stream>();
    stream->is_gpu = is_gpu;
    stream->pinned_left = pinned_left;
    auto a = argument_of(big);
    auto b = argument_of(small);
    device_uploads uploads;
    if (has_big) uploads.add(a);
    uploads.add(b);
    uploads.put(stream, {}, lies_pinned ? std::as_bytes(std::span(big)) : modal::bytes_view())
        .value();
    CHECK(uploads.report().bytes_up == (has_big ? 80'000U : 0U) + 40);
    return uploads.report().path;
  };
  CHECK(path_of(false, 0, true, false) == transfer_path::host);
  CHECK(path_of(true, 1000, false, false) == transfer_path::packed);
  CHECK(path_of(true, 100'000, true, false) == transfer_path::pinned);
  CHECK(path_of(true, 1000, true, true) == transfer_path::pinned);
  CHECK(path_of(true, 1000, true, false) == transfer_path::pageable);
  CHECK(path_of(true, 0, true, true) == transfer_path::pageable);
}
