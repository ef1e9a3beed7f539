// SPDX-License-Identifier: Apache-2.0
#include "http1/request_reader.hpp"

#include <algorithm>
#include <string>

namespace modal::detail {
namespace {

constexpr std::size_t most_fields = 64;

// Whether `text` is `uri-host [ ":" port ]` (RFC 9110 section 7.2). Names are not looked up: each
// character must be one that may stand in a host, and the port a number.
bool is_authority(std::string_view text) noexcept {
  const auto all = [](std::string_view part, std::string_view allowed) {
    return std::all_of(part.begin(), part.end(), [&](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
             allowed.find(c) != std::string_view::npos;
    });
  };
  std::string_view rest = text;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos || end == 1 || !all(text.substr(1, end - 1), ":.%~-_"))
      return false;
    rest = text.substr(end + 1);
  } else {
    const auto end = std::min(text.find(':'), text.size());
    if (!all(text.substr(0, end), "-._~%!$&'()*+,;=")) return false;
    rest = text.substr(end);
  }
  if (rest.empty()) return true;
  rest.remove_prefix(1);
  return text[text.size() - rest.size() - 1] == ':' && rest.size() <= 5 &&
         std::all_of(rest.begin(), rest.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

bool expects_continue(const request_head& head) noexcept {
  return same_field(find_field(head.fields, "expect"), "100-continue");
}

request_reader::request_reader(const limits& bounds)
    : bounds_(bounds), lines_(bounds.header_bytes), chunks_(0, 0) {}

request_reader::step request_reader::fail(errc what, int status, const char* why) {
  failure_ = error(what, why);
  failure_status_ = status;
  return step::failed;
}

request_reader::step request_reader::read_head(std::string_view input) {
  if (is_between_) lines_.reset();
  is_between_ = false;
  switch (lines_.read(input)) {
    case step::need_more:
      return step::need_more;
    case step::failed:
      if (lines_.is_too_large())
        return fail(errc::too_large, 431,
                    "the request's header is longer than limits.header_bytes");
      return fail(errc::malformed_request, 400,
                  (std::string("the request's head ") + lines_.failure()).c_str());
    case step::done:
      break;
  }
  is_between_ = true;
  head_ = {};
  head_.fields = lines_.fields();
  if (const auto line = check_line(); line != step::done) return line;
  return check_fields();
}

request_reader::step request_reader::check_line() {
  const auto line = lines_.start_line();
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  const auto malformed = [this] {
    return fail(errc::malformed_request, 400, "the request's first line is not valid HTTP/1.1");
  };
  if (first == std::string_view::npos || last == first) return malformed();
  head_.method = line.substr(0, first);
  head_.target = line.substr(first + 1, last - first - 1);
  const auto is_visible = [](char c) { return static_cast<unsigned char>(c) > ' '; };
  if (!http1::is_token(head_.method) || head_.target.empty() ||
      !std::all_of(head_.target.begin(), head_.target.end(), is_visible))
    return malformed();
  const int version = http1::parse_version(line.substr(last + 1));
  if (version == 0) return malformed();
  if (version != 11 && version != 10)
    return fail(errc::unsupported_feature, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
  is_old_ = version == 10;
  return step::done;
}

request_reader::step request_reader::check_fields() {
  if (head_.fields.size() > most_fields)
    return fail(errc::too_large, 431, "the request has more header fields than can be taken");
  int hosts = 0;
  for (const auto& [name, value] : head_.fields) {
    if (same_field(name, "host")) {
      ++hosts;
      if (!is_authority(value))
        return fail(errc::malformed_request, 400, "the field host names no host");
    }
    if (same_field(name, "transfer-encoding") && !same_field(value, "chunked"))
      return fail(errc::unsupported_feature, 501, "the only transfer coding known is chunked");
  }
  if (hosts > 1 || (hosts == 0 && !is_old_))
    return fail(errc::malformed_request, 400, "a request has exactly one host field");
  const auto framed = http1::read_framing(head_.fields);
  if (!framed)
    return fail(errc::malformed_request, 400, "the request does not say clearly where it ends");
  head_.is_chunked = framed->body == http1::framing::kind::chunked;
  if (head_.is_chunked && is_old_)
    return fail(errc::malformed_request, 400, "HTTP/1.0 has no chunks");
  if (framed->body == http1::framing::kind::length) head_.content_length = framed->length;
  keeps_alive_ = is_old_ ? http1::has_token(head_.fields, "connection", "keep-alive")
                         : !http1::has_token(head_.fields, "connection", "close");
  chunks_ = http1::chunk_reader(bounds_.body_bytes, bounds_.header_bytes);
  return step::done;
}

request_reader::step request_reader::read_chunk(std::string_view input, std::string_view& piece,
                                                std::size_t& used) {
  std::string_view rest = input;
  const step last = chunks_.read(rest, piece);
  used = input.size() - rest.size();
  if (last != step::failed) return last;
  if (chunks_.is_too_large()) return fail(errc::too_large, 413, chunks_.failure());
  return fail(errc::malformed_request, 400, chunks_.failure());
}

}  // namespace modal::detail
