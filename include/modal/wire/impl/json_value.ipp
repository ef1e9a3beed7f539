// SPDX-License-Identifier: Apache-2.0
#include <modal/base/error.hpp>
#include <modal/wire/json_value.hpp>

#include <boost/archive/iterators/base64_from_binary.hpp>
#include <boost/archive/iterators/binary_from_base64.hpp>
#include <boost/archive/iterators/transform_width.hpp>
#include <nlohmann/json.hpp>

#include <charconv>
#include <cmath>
#include <limits>

namespace modal {
namespace {

using nlohmann::json;

template <class T>
void append_number(std::string& out, T value) {
  char digits[64];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, end);
}

template <class T>
void append_floating(std::string& out, T value) {
  if (std::isnan(value))
    out += "\"NaN\"";
  else if (std::isinf(value))
    out += value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  else if (value == 0 && std::signbit(value))
    out += "-0.0";  // "-0" would be read as an integer, which has no negative zero
  else
    append_number(out, value);
}

void append_quoted(std::string& out, std::string_view text) {
  try {
    out += json(text).dump();
  } catch (const json::exception&) {
    throw_error({errc::malformed_payload, "a text is not UTF-8 and has no JSON form"});
  }
}

const json& as_json(const void* node) { return *static_cast<const json*>(node); }

json parse_json(std::string_view text, const decode_limits& bounds) {
  // The callback's depth counts open arrays and objects; the limit is of user values, which the
  // request's own object and array enclose.
  const auto bounded = [&](int depth, json::parse_event_t, json&) {
    if (static_cast<std::size_t>(depth) > bounds.depth + 2)
      throw_error({errc::too_large, "JSON nested deeper than decode_limits.depth"});
    return true;
  };
  try {
    return json::parse(text.begin(), text.end(), bounded);
  } catch (const json::exception& failure) {
    throw_error({errc::malformed_payload, failure.what()});
  }
}

}  // namespace

void json_writer::separate() {
  if (needs_comma_) out_ += ',';
  needs_comma_ = true;
}

void json_writer::null() {
  separate();
  out_ += "null";
}

void json_writer::boolean(bool value) {
  separate();
  out_ += value ? "true" : "false";
}

void json_writer::integer(std::int64_t value) {
  separate();
  append_number(out_, value);
}

void json_writer::natural(std::uint64_t value) {
  separate();
  append_number(out_, value);
}

void json_writer::number(float value) {
  separate();
  append_floating(out_, value);
}

void json_writer::number(double value) {
  separate();
  append_floating(out_, value);
}

void json_writer::text(std::string_view value) {
  separate();
  append_quoted(out_, value);
}

void json_writer::blob(bytes_view value) {
  using namespace boost::archive::iterators;
  using encoder = base64_from_binary<transform_width<const char*, 6, 8>>;
  separate();
  const auto* begin = reinterpret_cast<const char*>(value.data());
  // The iterators would read past the end for the last, incomplete group: pad a copy of it.
  const std::size_t whole = value.size() - value.size() % 3;
  out_ += '"';
  out_.append(encoder(begin), encoder(begin + whole));
  if (const std::size_t rest = value.size() % 3; rest != 0) {
    char last[3] = {};
    std::copy_n(begin + whole, rest, last);
    std::string group(encoder(static_cast<const char*>(last)), encoder(last + 3));
    for (std::size_t i = rest + 1; i < 4; ++i) group[i] = '=';
    out_ += group;
  }
  out_ += '"';
}

void json_writer::begin_array() {
  separate();
  out_ += '[';
  needs_comma_ = false;
}

void json_writer::end_array() {
  out_ += ']';
  needs_comma_ = true;
}

void json_writer::begin_object() {
  separate();
  out_ += '{';
  needs_comma_ = false;
}

void json_writer::end_object() {
  out_ += '}';
  needs_comma_ = true;
}

void json_writer::key(std::string_view name) {
  separate();
  append_quoted(out_, name);
  out_ += ':';
  needs_comma_ = false;
}

struct json_document::impl {
  json root;
};

json_document::json_document(std::string_view text, const decode_limits& bounds)
    : impl_(std::make_unique<impl>(impl{parse_json(text, bounds)})) {}
json_document::json_document(json_document&&) noexcept = default;
json_document::~json_document() = default;

json_view::json_view(const json_document& document) : node_(&document.impl_->root) {}

bool json_view::is_null() const noexcept { return as_json(node_).is_null(); }
bool json_view::is_object() const noexcept { return as_json(node_).is_object(); }
bool json_view::is_text() const noexcept { return as_json(node_).is_string(); }

bool json_view::to_boolean() const {
  const auto& node = as_json(node_);
  if (!node.is_boolean()) fail("expected true or false");
  return node.get<bool>();
}

std::int64_t json_view::to_integer(std::int64_t least, std::int64_t most) const {
  const auto& node = as_json(node_);
  if (!node.is_number_integer()) fail("expected an integer");
  if (node.is_number_unsigned() &&
      node.get<std::uint64_t>() >
          static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    fail("the integer is out of range");
  const auto value = node.get<std::int64_t>();
  if (value < least || value > most) fail("the integer is out of range");
  return value;
}

std::uint64_t json_view::to_natural(std::uint64_t most) const {
  const auto& node = as_json(node_);
  if (!node.is_number_integer()) fail("expected an integer");
  if (!node.is_number_unsigned()) fail("the integer is out of range");
  const auto value = node.get<std::uint64_t>();
  if (value > most) fail("the integer is out of range");
  return value;
}

double json_view::to_number() const {
  const auto& node = as_json(node_);
  if (node.is_number()) return node.get<double>();
  if (node.is_string()) {
    const auto& text = node.get_ref<const std::string&>();
    if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
    if (text == "Infinity") return std::numeric_limits<double>::infinity();
    if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  }
  fail("expected a number");
}

std::string_view json_view::to_text() const {
  const auto& node = as_json(node_);
  if (!node.is_string()) fail("expected a string");
  return node.get_ref<const std::string&>();
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
  std::string padded(digits);
  padded.append(padding, 'A');
  std::string bytes(decoder(padded.data()), decoder(padded.data() + padded.size()));
  bytes.resize(padded.size() / 4 * 3 - padding);
  return bytes;
}

std::size_t json_view::size() const {
  const auto& node = as_json(node_);
  if (!node.is_array() && !node.is_object()) fail("expected an array");
  return node.size();
}

json_view json_view::element(std::size_t index) const {
  const auto& node = as_json(node_);
  if (!node.is_array()) fail("expected an array");
  if (index >= node.size()) fail("the array is too short");
  return {&node[index], this, {}, index};
}

json_view json_view::member(std::string_view name) const {
  const auto& node = as_json(node_);
  if (!node.is_object()) fail("expected an object");
  const auto found = node.find(name);
  if (found == node.end()) fail("the member \"" + std::string(name) + "\" is missing");
  return {&*found, this, name, 0};
}

void json_view::each_member(
    const std::function<void(std::string_view, const json_view&)>& visit) const {
  for (const auto& [name, node] : as_json(node_).items())
    visit(name, json_view(&node, this, name, 0));
}

void json_view::expect_array(std::size_t size) const {
  const auto& node = as_json(node_);
  if (!node.is_array()) fail("expected an array of " + std::to_string(size));
  if (node.size() != size)
    fail("expected an array of " + std::to_string(size) + ", not of " +
         std::to_string(node.size()));
}

std::string json_view::path() const {
  if (parent_ == nullptr) return "$";
  if (!name_.empty()) return parent_->path() + "." + std::string(name_);
  return parent_->path() + "[" + std::to_string(index_) + "]";
}

void json_view::fail(std::string_view why) const {
  throw_error({errc::malformed_payload, path() + ": " + std::string(why)});
}

}  // namespace modal
