// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/ids.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace modal {

enum class log_level : std::uint8_t { debug, info, warning, error };

std::string_view to_string(log_level level) noexcept;

/// One line of the log. The views live until the sink returns.
struct log_record {
  log_level level = log_level::info;
  std::chrono::system_clock::time_point time;
  std::string_view message;
  std::string_view function;                                     ///< empty outside of calls
  call_id call;                                                  ///< nil outside of calls
  std::vector<std::pair<std::string_view, std::string>> fields;  ///< further key and value
};

/// Where log records go. Called from any thread, also from several at once; must not throw.
using log_sink = std::function<void(const log_record&)>;

/// Returns `record` as one line of `key=value` pairs, values quoted where needed:
/// `2026-01-31T12:00:00.123Z level=info call=… function=… msg="…"`, without a line end.
std::string to_text(const log_record& record);

/// Writes records of `least` and above to stderr, one line each, in one system call each.
log_sink log_to_stderr(log_level least = log_level::info);

}  // namespace modal
