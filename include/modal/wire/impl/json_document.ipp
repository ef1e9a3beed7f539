// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/error.hpp>
#include <modal/wire/impl/json_tape.ipp>
#include <modal/wire/json_value.hpp>

#include <boost/archive/iterators/binary_from_base64.hpp>
#include <boost/archive/iterators/transform_width.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <limits>

namespace modal {

namespace {
using detail::json_kind;
using detail::json_tape;
}  // namespace

struct json_document::impl {
  impl(std::string_view text, const decode_limits& bounds, decode_check check)
      : budget(bounds, text.size(), std::move(check)) {
    detail::json_tape_builder builder(tape, budget);
    nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
  }

  decode_budget budget;
  json_tape tape;
};

json_document::json_document(std::string_view text, const decode_limits& bounds, decode_check check)
    : impl_(std::make_unique<impl>(text, bounds, std::move(check))) {}
json_document::json_document(json_document&&) noexcept = default;
json_document::~json_document() = default;

json_view::json_view(const json_document& document) : document_(document.impl_.get()) {}

decode_budget& json_view::budget() const noexcept { return document_->budget; }

bool json_view::is_null() const noexcept { return document_->tape.kind(node_) == json_kind::null; }
bool json_view::is_array() const noexcept {
  return document_->tape.kind(node_) == json_kind::array;
}
bool json_view::is_object() const noexcept {
  return document_->tape.kind(node_) == json_kind::object;
}
bool json_view::is_text() const noexcept { return document_->tape.kind(node_) == json_kind::text; }

bool json_view::to_boolean() const {
  const auto& tape = document_->tape;
  if (tape.kind(node_) != json_kind::boolean) fail("expected true or false");
  return tape.payload(node_) != 0;
}

std::int64_t json_view::to_integer(std::int64_t least, std::int64_t most) const {
  const auto& tape = document_->tape;
  std::int64_t value = 0;
  switch (tape.kind(node_)) {
    case json_kind::natural:
    case json_kind::integer:
      // The shift brings the sign back.
      value = static_cast<std::int64_t>(tape.words[node_]) >> json_tape::kind_bits;
      if (tape.kind(node_) == json_kind::natural)
        value = static_cast<std::int64_t>(tape.payload(node_));
      break;
    case json_kind::large_natural:
      if (tape.words[node_ + 1] >
          static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        fail("the integer is out of range");
      [[fallthrough]];
    case json_kind::large_integer:
      value = static_cast<std::int64_t>(tape.words[node_ + 1]);
      break;
    default:
      fail("expected an integer");
  }
  if (value < least || value > most) fail("the integer is out of range");
  return value;
}

std::uint64_t json_view::to_natural(std::uint64_t most) const {
  const auto& tape = document_->tape;
  std::uint64_t value = 0;
  switch (tape.kind(node_)) {
    case json_kind::natural:
      value = tape.payload(node_);
      break;
    case json_kind::large_natural:
      value = tape.words[node_ + 1];
      break;
    case json_kind::integer:
    case json_kind::large_integer:
      fail("the integer is out of range");
    default:
      fail("expected an integer");
  }
  if (value > most) fail("the integer is out of range");
  return value;
}

double json_view::to_number() const {
  const auto& tape = document_->tape;
  switch (tape.kind(node_)) {
    case json_kind::number:
      return std::bit_cast<double>(tape.words[node_ + 1]);
    case json_kind::natural:
    case json_kind::large_natural:
      return static_cast<double>(to_natural(std::numeric_limits<std::uint64_t>::max()));
    case json_kind::integer:
    case json_kind::large_integer:
      return static_cast<double>(to_integer(std::numeric_limits<std::int64_t>::min(), 0));
    case json_kind::text: {
      const auto text = to_text();
      if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
      if (text == "Infinity") return std::numeric_limits<double>::infinity();
      if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
      break;
    }
    default:
      break;
  }
  fail("expected a number");
}

std::string_view json_view::to_text() const {
  if (!is_text()) fail("expected a string");
  return document_->tape.text(node_);
}

std::string json_view::to_blob() const {
  using namespace boost::archive::iterators;
  using decoder = transform_width<binary_from_base64<const char*>, 8, 6>;
  const std::string_view text = to_text();
  if (text.size() % 4 != 0) fail("base64 text does not come in groups of four");
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  const auto digits = text.substr(0, text.size() - padding);
  const auto is_digit = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
  };
  for (const char c : digits)
    if (!is_digit(c)) fail("the string is not base64");
  budget().allocate(text.size() / 4 * 3);
  std::string padded(digits);
  padded.append(padding, 'A');
  std::string bytes(decoder(padded.data()), decoder(padded.data() + padded.size()));
  bytes.resize(padded.size() / 4 * 3 - padding);
  return bytes;
}

std::size_t json_view::size() const {
  if (!is_array() && !is_object()) fail("expected an array");
  return document_->tape.count(node_);
}

json_view json_view::element(std::size_t index) const {
  if (!is_array()) fail("expected an array");
  if (index >= size()) fail("the array is too short");
  const auto& tape = document_->tape;
  if (cursor_ == 0 || index < cursor_index_) rewind();
  for (; cursor_index_ < index; ++cursor_index_) {
    budget().step();
    cursor_ = tape.next(cursor_);
  }
  return {document_, cursor_, this, {}, index};
}

json_view json_view::member(std::string_view name) const {
  if (auto found = find_member(name)) return *found;
  fail("the member \"" + std::string(name) + "\" is missing");
}

std::optional<json_view> json_view::find_member(std::string_view name) const {
  if (!is_object()) fail("expected an object");
  const auto& tape = document_->tape;
  const std::size_t count = size();
  if (count > json_tape::indexed_from) {
    std::size_t first = tape.index(node_, count);
    std::size_t last = first + count;
    while (first < last) {
      budget().step();
      const std::size_t middle = first + (last - first) / 2;
      const auto at = static_cast<std::size_t>(tape.words[middle]);
      const auto here = tape.text(at);
      if (here == name) return json_view(document_, tape.next(at), this, here, 0);
      if (here < name)
        first = middle + 1;
      else
        last = middle;
    }
    return std::nullopt;
  }
  // Members are mostly asked for in the order in which they stand: the search begins after the last
  // one that was found, and goes around once.
  for (std::size_t i = 0; i < count; ++i) {
    budget().step();
    if (cursor_ == 0 || cursor_index_ == count) rewind();
    const auto here = tape.text(cursor_);
    const std::size_t at = tape.next(cursor_);
    cursor_ = tape.next(at);
    ++cursor_index_;
    if (here == name) return json_view(document_, at, this, here, 0);
  }
  return std::nullopt;
}

void json_view::rewind() const noexcept {
  cursor_ = node_ + 1;
  cursor_index_ = 0;
}

void json_view::each_member(
    const std::function<void(std::string_view, const json_view&)>& visit) const {
  if (!is_object()) fail("expected an object");
  const auto& tape = document_->tape;
  const std::size_t count = size();
  const auto call = [&](std::size_t at) {
    budget().step();
    const auto name = tape.text(at);
    visit(name, json_view(document_, tape.next(at), this, name, 0));
  };
  if (count > json_tape::indexed_from) {
    const std::size_t index = tape.index(node_, count);
    for (std::size_t i = 0; i < count; ++i) call(static_cast<std::size_t>(tape.words[index + i]));
    return;
  }
  std::size_t names[json_tape::indexed_from];
  std::size_t at = node_ + 1;
  for (std::size_t i = 0; i < count; ++i) {
    names[i] = at;
    at = tape.next(tape.next(at));
  }
  std::sort(names, names + count,
            [&tape](std::size_t a, std::size_t b) { return tape.text(a) < tape.text(b); });
  std::for_each(names, names + count, call);
}

void json_view::expect_array(std::size_t size) const {
  if (!is_array()) fail("expected an array of " + std::to_string(size));
  if (const std::size_t has = this->size(); has != size)
    fail("expected an array of " + std::to_string(size) + ", not of " + std::to_string(has));
}

std::string json_view::path() const {
  if (parent_ == nullptr) return "$";
  if (parent_->is_object()) return parent_->path() + "." + std::string(name_);
  return parent_->path() + "[" + std::to_string(index_) + "]";
}

void json_view::fail(std::string_view why) const {
  throw_error({errc::malformed_payload, path() + ": " + std::string(why)});
}

}  // namespace modal
