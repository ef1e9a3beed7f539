// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/error.hpp>
#include <modal/wire/input_archive.hpp>
#include <modal/wire/json_archive.hpp>
#include <modal/wire/output_archive.hpp>

#include "support/catch.hpp"

#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <utility>
#include <vector>

/// @file
/// Values to bytes and back, and the error that was thrown on the way, in one expression each.

template <>
struct Catch::StringMaker<modal::errc> {
  static std::string convert(modal::errc value) { return std::string(modal::to_string(value)); }
};
template <>
struct Catch::StringMaker<modal::error> {
  static std::string convert(const modal::error& value) {
    return std::string(modal::to_string(value.value())) + " (" + value.message() + ")";
  }
};

namespace test {

/// A copy of `bytes` as a receiver has them: aligned to 64, and exactly as long as they are, so
/// that the address sanitizer sees every step too far.
class received {
 public:
  explicit received(modal::bytes_view bytes)
      : data_(static_cast<std::byte*>(::operator new(bytes.size(), alignment))),
        size_(bytes.size()) {
    if (size_ != 0) std::memcpy(data_.get(), bytes.data(), size_);
  }
  [[nodiscard]] modal::bytes_view view() const noexcept { return {data_.get(), size_}; }
  [[nodiscard]] bool holds(const void* place) const noexcept {
    const auto* at = static_cast<const std::byte*>(place);
    return at >= data_.get() && at < data_.get() + size_;
  }

 private:
  static constexpr std::align_val_t alignment{64};
  struct release {
    void operator()(std::byte* data) const noexcept { ::operator delete(data, alignment); }
  };
  std::unique_ptr<std::byte, release> data_;
  std::size_t size_;
};

template <class... T>
std::vector<std::byte> encode(const T&... values) {
  modal::payload out;
  modal::output_archive{out}(values...);
  return out.to_bytes();
}

/// Reads one value, which must be all that `body` holds. Throws what the archive throws.
template <class T>
void decode_into(T& value, modal::bytes_view body, const modal::limits& bounds = {}) {
  const auto view = modal::payload_view::parse(body, bounds.decode).value();
  modal::input_archive archive(view, bounds.decode);
  archive(value);
  archive.finish();
}

template <class T>
T decode(modal::bytes_view bytes, const modal::limits& bounds = {}) {
  const received body(bytes);
  T value{};
  decode_into(value, body.view(), bounds);
  return value;
}

template <class T>
std::string encode_json(const T& value) {
  std::string text;
  modal::json_writer writer(text);
  modal::json_output_archive{writer}(value);
  return text;
}

template <class T>
T decode_json(std::string_view text, const modal::decode_limits& bounds = {}) {
  const modal::json_document document("[" + std::string(text) + "]", bounds);
  modal::json_arena arena;
  modal::json_input_archive archive(modal::json_view(document), arena);
  T value{};
  archive(value);
  return value;
}

/// Returns the error that `action` throws; nothing thrown fails the test.
template <class F>
modal::error error_of(F&& action) {
  try {
    std::forward<F>(action)();
  } catch (const modal::call_error& thrown) {
    return thrown.reason();
  }
  FAIL("nothing was thrown");
  return {};
}

template <class T>
modal::error decode_error(modal::bytes_view bytes, const modal::limits& bounds = {}) {
  return error_of([&] { decode<T>(bytes, bounds); });
}

template <class T>
modal::error json_error(std::string_view text, const modal::decode_limits& bounds = {}) {
  return error_of([&] { decode_json<T>(text, bounds); });
}

/// Builds a payload by hand, as a hostile peer would.
class forged {
 public:
  template <class T>
  forged& add(const T& scalar) {
    std::memcpy(out_.extend(sizeof scalar), &scalar, sizeof scalar);
    return *this;
  }
  forged& count(std::uint64_t value) { return add(value); }
  forged& byte(unsigned value) { return add(static_cast<std::uint8_t>(value)); }
  forged& segment(modal::bytes_view bytes) {
    out_.add_segment(bytes);
    return *this;
  }
  [[nodiscard]] std::vector<std::byte> bytes() { return out_.to_bytes(); }

 private:
  modal::payload out_;
};

}  // namespace test
