// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace modal::detail {

/// A response whose body is text, or the head of one whose body is a payload. The transport adds
/// `content-length`, `date` and `connection`.
struct reply {
  int status = 200;
  std::string_view content_type;  ///< static; empty: there is no body
  std::string fields;             ///< further fields, each as "name: value\r\n"
  std::string body;

  /// Forgets the content; keeps the memory.
  void clear() {
    status = 200;
    content_type = {};
    fields.clear();
    body.clear();
  }
};

/// What a response says about its connection.
enum class connection_option : std::uint8_t { none, close, keep_alive };

/// Writes the head of `answer`, with its last empty line, to `out`, whose memory is reused.
void write_response_head(std::string& out, const reply& answer, std::size_t body_size,
                         connection_option option);

}  // namespace modal::detail
