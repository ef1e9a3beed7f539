// SPDX-License-Identifier: Apache-2.0
#include <modal/function/log.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <unistd.h>

using namespace std::chrono_literals;

namespace {

modal::log_record record_of(std::string_view message) {
  modal::log_record record;
  record.message = message;
  return record;
}

std::string message_text(std::string_view message) {
  const auto line = to_text(record_of(message));
  return line.substr(line.find("msg="));
}

/// Returns what `action` writes to stderr.
template <class Action>
std::string stderr_of(Action&& action) {
  const std::unique_ptr<std::FILE, decltype(&std::fclose)> file(std::tmpfile(), &std::fclose);
  REQUIRE(file != nullptr);
  const int saved = dup(STDERR_FILENO);
  dup2(fileno(file.get()), STDERR_FILENO);
  action();
  dup2(saved, STDERR_FILENO);
  close(saved);
  std::rewind(file.get());
  std::string text(4096, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  return text;
}

}  // namespace

TEST_CASE("log: a line has time, level, call, function and message", "[function][log]") {
  modal::log_record record = record_of("two words");
  record.level = modal::log_level::error;
  record.time = std::chrono::system_clock::time_point{1769860800s + 123ms};
  record.function = "demo::f";
  record.call.bytes[0] = 0xab;
  record.fields = {{"bytes", "17"}, {"peer", "a b"}};
  CHECK(to_text(record) ==
        "2026-01-31T12:00:00.123Z level=error call=ab000000000000000000000000000000 "
        "function=demo::f msg=\"two words\" bytes=17 peer=\"a b\"");
}

TEST_CASE("log: outside of calls neither call nor function appear", "[function][log]") {
  CHECK(to_text(record_of("x")) == "1970-01-01T00:00:00.000Z level=info msg=x");
}

TEST_CASE("log: a time before the epoch is still a time", "[function][log]") {
  auto record = record_of("x");
  record.time = std::chrono::system_clock::time_point{-1ms};
  CHECK(to_text(record).substr(0, 24) == "1969-12-31T23:59:59.999Z");
}

TEST_CASE("log: quotes only what needs it", "[function][log]") {
  CHECK(message_text("plain::word-1,2") == "msg=plain::word-1,2");
  CHECK(message_text("") == "msg=\"\"");
  CHECK(message_text("a=b") == "msg=\"a=b\"");
  CHECK(message_text("a\"b") == "msg=\"a\\\"b\"");
  CHECK(message_text("a\\b") == "msg=\"a\\\\b\"");
  CHECK(message_text("\xc3\xa9") == "msg=\xc3\xa9");
}

TEST_CASE("log: one record is one line", "[function][log]") {
  CHECK(message_text("a\nb\r\nc") == "msg=\"a\\nb\\r\\nc\"");
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  const auto line = to_text(record_of(all));
  CHECK(std::none_of(line.begin(), line.end(), [](char c) { return c >= 0 && c < ' '; }));
}

TEST_CASE("log: a terminal obeys nothing in a record", "[function][log]") {
  CHECK(message_text("\x1b[2J") == "msg=\"\\x1b[2J\"");
  CHECK(message_text("\x7f") == "msg=\"\\x7f\"");
}

TEST_CASE("log level: every level has a name", "[function][log]") {
  CHECK(to_string(modal::log_level::debug) == "debug");
  CHECK(to_string(modal::log_level::info) == "info");
  CHECK(to_string(modal::log_level::warning) == "warning");
  CHECK(to_string(modal::log_level::error) == "error");
}

TEST_CASE("log to stderr: writes a line for each record of the level", "[function][log]") {
  const auto sink = modal::log_to_stderr(modal::log_level::warning);
  auto record = record_of("x");
  const auto text = stderr_of([&] {
    sink(record);
    record.level = modal::log_level::warning;
    sink(record);
    record.level = modal::log_level::error;
    sink(record);
  });
  CHECK(std::count(text.begin(), text.end(), '\n') == 2);
  CHECK(text.find("level=info") == std::string::npos);
}
