// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/bytes.hpp>
#include <modal/base/error.hpp>
#include <modal/wire/call_head.hpp>
#include <modal/wire/http_call.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// @file
/// The frames of a session: bytes to values and back. design/wire_protocol.md, section 10, is the
/// specification.
///
///     offset  bytes  field
///     0       4      n: bytes of the body, without its padding
///     4       1      kind
///     5       1      flags
///     6       2      zero
///     8       4      call: the number of a call, or zero
///     12      4      value: its meaning is the kind's
///     16      n      the body, then zeros up to the next multiple of 16
///
/// Pure: no socket, no thread. All integers are little-endian.

namespace modal::detail {

inline constexpr std::uint32_t session_version = 1;
inline constexpr std::string_view session_protocol = "modal/1";  ///< as `Upgrade` names it
inline constexpr std::string_view session_path = "/v1/session";

/// Kinds from 128 on may be ignored by who does not know them; other unknown ones end the session.
enum class frame_kind : std::uint8_t {
  hello = 1,
  call = 2,
  result = 3,
  error = 4,
  segment = 5,
  cancel = 6,
  credit = 7,
  ping = 8,
  pong = 9,
  go_away = 10,
};
inline constexpr std::uint8_t first_optional_kind = 128;
/// Of an `error` for which nobody waits.
inline constexpr int status_cancelled = 499;

/// Of `call` and `result`: the rest of the payload comes in segments.
inline constexpr std::uint8_t frame_has_more = 1;
/// Of `call`: the function is named in the body, and not by its number.
inline constexpr std::uint8_t frame_is_named = 2;
/// Of `call`: as `call_head::repeats`.
inline constexpr std::uint8_t frame_repeats = 4;
/// Of `call`: the call it is made by is in the body.
inline constexpr std::uint8_t frame_is_nested = 8;

struct frame_head {
  std::uint32_t size = 0;
  frame_kind kind = frame_kind::hello;
  std::uint8_t flags = 0;
  std::uint32_t call = 0;
  std::uint32_t value = 0;

  friend bool operator==(const frame_head&, const frame_head&) = default;
};

inline constexpr std::size_t frame_head_bytes = 16;
inline constexpr std::size_t frame_alignment = 16;
/// Of any frame's body but a segment's, besides the part of a payload that it holds.
inline constexpr std::size_t most_frame_text = 8 << 10;
/// No more of a payload is in such a frame, whatever the peer would take.
inline constexpr std::uint32_t most_inline = 64 << 10;
/// No segment is longer, whatever the peer would take.
inline constexpr std::size_t most_segment = 1 << 20;

/// Returns the bytes of a frame with a body of `size`, padding included.
constexpr std::size_t frame_bytes(std::size_t size) noexcept {
  return align_up(frame_head_bytes + size, frame_alignment);
}

void write_frame_head(std::byte* to, const frame_head& head) noexcept;
/// **Precondition**: `from` has `frame_head_bytes`. Returns false where the reserved bytes are not
/// zero.
bool read_frame_head(const std::byte* from, frame_head& head) noexcept;

/// What an end of a session is like, as its first frame says. An unknown feature is ignored, unless
/// it is required: then the session ends, and names it.
struct session_hello {
  std::string version;      ///< of the program's library, for people
  std::string build_id;     ///< GNU build id of the program, in hexadecimal; may be empty
  std::uint32_t calls = 0;  ///< how many the other end may have under way: numbers 0 to n - 1
  std::uint32_t inline_bytes = 64 << 10;   ///< most bytes of a payload in a `call` or `result`
  std::uint32_t segment_bytes = 64 << 10;  ///< most bytes of one segment
  std::uint64_t payload_bytes = 0;         ///< most bytes of one payload
  std::uint32_t credit = 0;  ///< bytes of each payload in segments that need not be asked for
  std::uint32_t silence_ms = 10'000;  ///< after which it asks whether the other end is there
  /// Of an executor, to a caller on its own host: the abstract Unix socket where it listens too.
  std::string local_name{};
  /// What it says there as well, so that one knows it again.
  std::string local_token{};
  /// Features that it cannot do without, and does not know: never written.
  std::string unknown_required;
};

/// Appends the body of a `hello`.
void write_hello(std::vector<std::byte>& out, const session_hello& hello);
/// **Errors**: `malformed_request` for what is no hello, or limits that cannot be worked with.
result<session_hello> read_hello(bytes_view body);

/// The beginning of a call: what stands in the body of its frame, before the payload.
struct frame_call {
  call_head head;              ///< its function only where the frame `is_named`
  std::uint64_t size = 0;      ///< bytes of the whole payload
  std::size_t payload_at = 0;  ///< where it begins in the body
};

/// Returns the bytes before the payload.
std::size_t call_frame_bytes(const call_head& head, bool is_named) noexcept;
/// Writes them to `to`, which has room for them. @return the flags that go with them.
std::uint8_t write_call_frame(std::byte* to, const call_head& head, std::uint64_t size,
                              bool is_named) noexcept;
/// Reads into `into`, whose memory is used again. Returns what is wrong, or null.
const char* read_call_frame(bytes_view body, std::uint8_t flags, frame_call& into);

/// The beginning of a result.
struct frame_result {
  executor_report report;
  std::uint64_t size = 0;      ///< bytes of the whole payload
  std::size_t payload_at = 0;  ///< where it begins in the body
};

std::size_t result_frame_bytes(std::string_view device_text) noexcept;
/// @param device_text the report as `append_report` writes it, for a call on a device; else empty.
void write_result_frame(std::byte* to, const executor_report& report, std::string_view device_text,
                        std::uint64_t size) noexcept;
const char* read_result_frame(bytes_view body, frame_result& into);

}  // namespace modal::detail
