// SPDX-License-Identifier: Apache-2.0
#include "http1/response_head.hpp"

#include <modal/wire/http_call.hpp>

#include <array>
#include <charconv>
#include <ctime>

namespace modal::detail {
namespace {

void append_number(std::string& out, std::size_t number) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

// RFC 9110 6.6.1 wants a date in every answer. Formatting it costs as much as the rest of the head,
// so each thread keeps the text of the current second. Written by hand: strftime asks the locale.
void append_date(std::string& out) {
  thread_local std::time_t shown = -1;
  thread_local std::array<char, 40> text;
  thread_local std::size_t size = 0;
  const std::time_t now = std::time(nullptr);
  if (now != shown) {
    constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::tm parts{};
    gmtime_r(&now, &parts);
    const int written =
        std::snprintf(text.data(), text.size(), "date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n",
                      days[parts.tm_wday], parts.tm_mday, months[parts.tm_mon],
                      (parts.tm_year + 1900) % 10000, parts.tm_hour, parts.tm_min, parts.tm_sec);
    size = static_cast<std::size_t>(written);
    shown = now;
  }
  out.append(text.data(), size);
}

}  // namespace

void write_response_head(std::string& out, const reply& answer, std::size_t body_size,
                         connection_option option) {
  out.clear();
  out.append("HTTP/1.1 ");
  append_number(out, static_cast<std::size_t>(answer.status));
  out.append(" ").append(reason_phrase(answer.status)).append("\r\n");
  append_date(out);
  if (!answer.content_type.empty())
    out.append("content-type: ").append(answer.content_type).append("\r\n");
  if (answer.status != 304 && answer.status != 204) {
    out.append("content-length: ");
    append_number(out, body_size);
    out.append("\r\n");
  }
  out.append(answer.fields);
  if (option == connection_option::close) out.append("connection: close\r\n");
  if (option == connection_option::keep_alive) out.append("connection: keep-alive\r\n");
  out.append("\r\n");
}

}  // namespace modal::detail
