// SPDX-License-Identifier: Apache-2.0
#include <modal/base/error.hpp>
#include <modal/wire/impl/json_document.ipp>  // the reading half
#include <modal/wire/json_value.hpp>

#include <boost/archive/iterators/base64_from_binary.hpp>
#include <boost/archive/iterators/transform_width.hpp>
#include <nlohmann/json.hpp>

#include <charconv>
#include <cmath>

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

void json_writer::any_text(std::string_view value) {
  separate();
  out_ += json(value).dump(-1, ' ', false, json::error_handler_t::replace);
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

}  // namespace modal
