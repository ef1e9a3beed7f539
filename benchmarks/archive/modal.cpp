// SPDX-License-Identifier: Apache-2.0
//
// modal's archives. Writing means a payload whose parts are gathered for sending; reading, a
// payload that is checked, decoded with all bounds, and found to have no trailing bytes.

#include <modal/wire/input_archive.hpp>
#include <modal/wire/output_archive.hpp>
#include <modal/wire/payload.hpp>

#include "registry.hpp"

#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <span>

namespace bench {
namespace {

constexpr std::size_t never_borrow = std::numeric_limits<std::size_t>::max();

/// The bytes of a payload as they lie in a receive buffer.
class received {
 public:
  explicit received(const std::vector<std::byte>& bytes)
      : data_(static_cast<std::byte*>(operator new(bytes.size(), alignment))), size_(bytes.size()) {
    std::memcpy(data_.get(), bytes.data(), size_);
  }
  [[nodiscard]] modal::bytes_view view() const { return {data_.get(), size_}; }

 private:
  static constexpr std::align_val_t alignment{modal::segment_alignment};
  struct release {
    void operator()(std::byte* data) const { operator delete(data, alignment); }
  };
  std::unique_ptr<std::byte, release> data_;
  std::size_t size_;
};

void write_once(modal::payload& out, std::vector<modal::bytes_view>& parts, const auto& value,
                std::size_t borrow) {
  modal::output_archive{out, borrow}(value);
  out.gather(parts);
  benchmark::DoNotOptimize(parts.data());
  benchmark::ClobberMemory();
}

template <class T, std::size_t Borrow>
void write_kept(benchmark::State& state) {
  const T value = make_value<T>();
  modal::payload out;
  std::vector<modal::bytes_view> parts;
  for (auto _ : state) {
    out.clear();
    parts.clear();
    write_once(out, parts, value, Borrow);
  }
}

template <class T>
void write_new(benchmark::State& state) {
  const T value = make_value<T>();
  std::vector<modal::bytes_view> parts;
  for (auto _ : state) {
    modal::payload out;
    parts.clear();
    write_once(out, parts, value, modal::segment_threshold);
  }
}

template <class T>
received make_received(const T& value) {
  modal::payload out;
  modal::output_archive{out}(value);
  return received(out.to_bytes());
}

void read_once(const received& from, const modal::limits& bounds, auto& result) {
  const modal::payload_view view = modal::payload_view::parse(from.view(), bounds.decode).value();
  modal::input_archive archive(view, bounds.decode);
  archive(result);
  archive.finish();
  benchmark::DoNotOptimize(&result);
  benchmark::ClobberMemory();
}

template <class T>
void read_kept(benchmark::State& state) {
  const T value = make_value<T>();
  const received from = make_received(value);
  const modal::limits bounds;
  T result = value;  // an object that has held such a value before, pages and all
  for (auto _ : state) read_once(from, bounds, result);
  expect_equal(result, value, "modal");
}

template <class T>
void read_new(benchmark::State& state) {
  const T value = make_value<T>();
  const received from = make_received(value);
  const modal::limits bounds;
  for (auto _ : state) {
    T result;
    read_once(from, bounds, result);
  }
}

void read_span(benchmark::State& state) {
  const numbers value = make_value<numbers>();
  const received from = make_received(value);
  const modal::limits bounds;
  std::span<const float> result;
  for (auto _ : state) read_once(from, bounds, result);
  expect_equal(numbers(result.begin(), result.end()), value, "modal");
}

template <class T>
void add() {
  add_benchmark<T>("write", "modal, kept payload and object",
                   write_kept<T, modal::segment_threshold>);
  add_benchmark<T>("read", "modal, kept payload and object", read_kept<T>);
  add_benchmark<T>("write", "modal, new payload and object", write_new<T>);
  add_benchmark<T>("read", "modal, new payload and object", read_new<T>);
}

}  // namespace

void register_modal() {
  add<int_pair>();
  add<record>();
  add<numbers>();
  add_benchmark<numbers>("write", "modal, all copied", write_kept<numbers, never_borrow>);
  add_benchmark<numbers>("read", "modal, std::span", read_span);
}

}  // namespace bench
