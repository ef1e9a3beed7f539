// SPDX-License-Identifier: Apache-2.0
#include <modal/http1/head.hpp>

#include <algorithm>
#include <charconv>

namespace modal::http1 {
namespace {

constexpr bool is_tchar(char c) noexcept {
  if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return true;
  return c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// Takes the next element off a comma separated list.
std::string_view take_element(std::string_view& list) noexcept {
  const auto element = list.substr(0, list.find(','));
  list.remove_prefix(std::min(list.size(), element.size() + 1));
  return trim(element);
}

bool parse_length(std::string_view text, std::uint64_t& out) noexcept {
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), out);
  return failure == std::errc{} && end == text.data() + text.size();
}

}  // namespace

void head_reader::reset() noexcept {
  start_line_ = {};
  fields_.clear();
  size_ = searched_ = 0;
  failure_ = "";
  is_too_large_ = false;
}

step head_reader::fail(const char* why) noexcept {
  failure_ = why;
  return step::failed;
}

step head_reader::read(std::string_view input) {
  std::size_t begin = 0;
  while (input.substr(begin).starts_with("\r\n")) begin += 2;
  // The end may lie across the border of what was searched before.
  const std::size_t from = std::max(begin, searched_ > 3 ? searched_ - 3 : 0);
  const auto end = input.find("\r\n\r\n", from);
  if (end == std::string_view::npos || end + 4 > most_bytes_) {
    searched_ = input.size();
    if (input.size() >= most_bytes_) {
      is_too_large_ = true;
      return fail("is longer than limits.header_bytes");
    }
    return step::need_more;
  }
  size_ = end + 4;
  return read_lines(input.substr(begin, end + 2 - begin));
}

step head_reader::read_lines(std::string_view head) {
  fields_.clear();
  bool is_first = true;
  while (!head.empty()) {
    const auto end = head.find("\r\n");
    const auto line = head.substr(0, end);
    head.remove_prefix(end + 2);
    if (is_first) {
      if (!is_field_value(line)) return fail("has a control character in its first line");
      start_line_ = line;
      is_first = false;
    } else if (!read_field(line)) {
      return step::failed;
    }
  }
  return step::done;
}

bool head_reader::read_field(std::string_view line) {
  if (is_blank(line.front())) {
    fail("has a field that is folded over lines");
    return false;
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
    fail("has a field without a proper name");
    return false;
  }
  const auto value = trim(line.substr(colon + 1));
  if (!is_field_value(value)) {
    fail("has a control character in the value of a field");
    return false;
  }
  fields_.push_back({line.substr(0, colon), value});
  return true;
}

std::optional<framing> read_framing(std::span<const http_field> fields) noexcept {
  framing found;
  bool has_length = false;
  bool is_chunked = false;
  for (const auto& [name, value] : fields) {
    if (same_field(name, "content-length")) {
      // A list of equal numbers is one number (RFC 9112 section 6.3).
      auto list = value;
      do {
        std::uint64_t length = 0;
        if (!parse_length(take_element(list), length)) return std::nullopt;
        if (has_length && length != found.length) return std::nullopt;
        found.length = length;
        has_length = true;
      } while (!list.empty());
    } else if (same_field(name, "transfer-encoding")) {
      if (is_chunked || !same_field(value, "chunked")) return std::nullopt;
      is_chunked = true;
    }
  }
  if (is_chunked && has_length) return std::nullopt;  // the way in of request smuggling
  if (is_chunked) found.body = framing::kind::chunked;
  if (has_length) found.body = framing::kind::length;
  return found;
}

bool has_token(std::string_view list, std::string_view token) noexcept {
  while (!list.empty())
    if (same_field(take_element(list), token)) return true;
  return false;
}

bool has_token(std::span<const http_field> fields, std::string_view name,
               std::string_view token) noexcept {
  return std::any_of(fields.begin(), fields.end(), [&](const http_field& field) {
    return same_field(field.name, name) && has_token(field.value, token);
  });
}

bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_tchar);
}

bool is_field_value(std::string_view text) noexcept {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

int parse_version(std::string_view text) noexcept {
  if (text.size() != 8 || !text.starts_with("HTTP/") || text[6] != '.') return 0;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!is_digit(text[5]) || !is_digit(text[7])) return 0;
  return (text[5] - '0') * 10 + (text[7] - '0');
}

std::optional<status_line> parse_status_line(std::string_view line) noexcept {
  status_line parsed;
  parsed.version = parse_version(line.substr(0, std::min<std::size_t>(line.size(), 8)));
  if (parsed.version == 0 || line.size() < 12 || line[8] != ' ') return std::nullopt;
  const auto digits = line.substr(9, 3);
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + 3, parsed.status);
  if (failure != std::errc{} || end != digits.data() + 3 || parsed.status < 100)
    return std::nullopt;
  if (line.size() > 12 && line[12] != ' ') return std::nullopt;
  return parsed;
}

}  // namespace modal::http1
