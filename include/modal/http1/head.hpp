// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/wire/http_call.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

/// @file
/// The heads of HTTP/1.1 messages (RFC 9112), read from bytes in memory and never more lenient than
/// the grammar: what two readers could understand in two ways is refused. Pure: no socket, no
/// clock.
///
///     start-line CRLF *( name ":" OWS value OWS CRLF ) CRLF

namespace modal::http1 {

/// What a reader found.
enum class step : std::uint8_t {
  need_more,  ///< the bytes end too early: call again with these bytes and further ones
  done,
  failed,  ///< `failure()` says why
};

/// Reads one head. Used again for the next one after `reset`; keeps its memory.
/// **Lifetime**: of views, of the bytes they were read from.
class head_reader {
 public:
  /// @param most_bytes start line and fields together; one more is `is_too_large`.
  explicit head_reader(std::size_t most_bytes) noexcept : most_bytes_(most_bytes) {}

  /// Looks for a whole head at the start of `input`. Empty lines before it are skipped (RFC 9112
  /// section 2.2), and count as a part of it. **Complexity**: linear over all calls together.
  step read(std::string_view input);

  [[nodiscard]] std::string_view start_line() const noexcept { return start_line_; }
  [[nodiscard]] std::span<const http_field> fields() const noexcept { return fields_; }
  /// Returns the bytes of `input` that the head takes, its last empty line included.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// Returns what is wrong, as an end of the sentence "the head …".
  [[nodiscard]] const char* failure() const noexcept { return failure_; }
  [[nodiscard]] bool is_too_large() const noexcept { return is_too_large_; }

  void reset() noexcept;

 private:
  step fail(const char* why) noexcept;
  step read_lines(std::string_view head);
  bool read_field(std::string_view line);

  std::size_t most_bytes_;
  std::string_view start_line_;
  std::vector<http_field> fields_;
  std::size_t size_ = 0;
  std::size_t searched_ = 0;
  const char* failure_ = "";
  bool is_too_large_ = false;
};

/// How the body of a message is delimited (RFC 9112 section 6).
struct framing {
  enum class kind : std::uint8_t {
    none,    ///< the head does not say
    length,  ///< `length` bytes
    chunked,
  } body = kind::none;
  std::uint64_t length = 0;

  friend bool operator==(const framing&, const framing&) = default;
};

/// Reads `content-length` and `transfer-encoding`. Returns nothing where they contradict each
/// other, or are malformed: then nobody knows where the next message begins.
std::optional<framing> read_framing(std::span<const http_field> fields) noexcept;

/// Returns whether a comma separated list has this token; case does not count.
bool has_token(std::string_view list, std::string_view token) noexcept;

/// Returns whether some field of this name has this token in its list.
bool has_token(std::span<const http_field> fields, std::string_view name,
               std::string_view token) noexcept;

/// Returns whether `text` is one or more `tchar` (RFC 9110 section 5.6.2).
bool is_token(std::string_view text) noexcept;

/// Returns whether `text` may stand as the value of a field: visible characters, spaces, tabs, and
/// bytes above 127.
bool is_field_value(std::string_view text) noexcept;

/// The version in a start line: `HTTP/1.0` is 10, `HTTP/1.1` is 11. Zero for text that is no
/// version.
int parse_version(std::string_view text) noexcept;

struct status_line {
  int version = 0;  ///< as `parse_version`
  int status = 0;   ///< 100 to 999
};

/// Reads the start line of a response (RFC 9112 section 4). Returns nothing for any other text.
std::optional<status_line> parse_status_line(std::string_view line) noexcept;

}  // namespace modal::http1
