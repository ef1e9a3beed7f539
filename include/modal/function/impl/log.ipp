// SPDX-License-Identifier: Apache-2.0
#include <modal/function/log.hpp>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <unistd.h>

namespace modal {
namespace {

void append_time(std::string& line, std::chrono::system_clock::time_point time) {
  const auto since_epoch = time.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch - seconds);
  const std::time_t clock = seconds.count();
  std::tm utc{};
  gmtime_r(&clock, &utc);
  char text[40];
  const auto length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  line.append(text, length);
  std::snprintf(text, sizeof text, ".%03dZ", static_cast<int>(millis.count()));
  line += text;
}

bool is_control(char c) noexcept { return (c >= 0 && c < ' ') || c == 0x7f; }

void append_escaped(std::string& line, char c) {
  if (c == '\n') {
    line += "\\n";
  } else if (c == '\r') {
    line += "\\r";
  } else if (is_control(c)) {  // a terminal would obey it
    char text[8];
    std::snprintf(text, sizeof text, "\\x%02x", static_cast<unsigned>(c));
    line += text;
  } else {
    if (c == '"' || c == '\\') line += '\\';
    line += c;
  }
}

// Quotes where a reader could not tell where the value ends; keeps one record on one line.
void append_value(std::string& line, std::string_view value) {
  const auto is_plain = [](char c) {
    return !is_control(c) && c != ' ' && c != '"' && c != '=' && c != '\\';
  };
  if (!value.empty() && std::all_of(value.begin(), value.end(), is_plain)) {
    line += value;
    return;
  }
  line += '"';
  for (const char c : value) append_escaped(line, c);
  line += '"';
}

}  // namespace

std::string_view to_string(log_level level) noexcept {
  switch (level) {
    case log_level::debug:
      return "debug";
    case log_level::info:
      return "info";
    case log_level::warning:
      return "warning";
    case log_level::error:
      return "error";
  }
  return "unknown";
}

std::string to_text(const log_record& record) {
  std::string line;
  append_time(line, record.time);
  line.append(" level=").append(to_string(record.level));
  if (!record.call.is_nil()) line.append(" call=").append(record.call.to_string());
  if (!record.function.empty()) append_value(line.append(" function="), record.function);
  append_value(line.append(" msg="), record.message);
  for (const auto& [key, value] : record.fields)
    append_value(line.append(" ").append(key).append("="), value);
  return line;
}

log_sink log_to_stderr(log_level least) {
  return [least](const log_record& record) {
    if (record.level < least) return;
    const std::string line = to_text(record) + '\n';
    // A log that cannot be written has nowhere else to complain.
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
  };
}

}  // namespace modal
