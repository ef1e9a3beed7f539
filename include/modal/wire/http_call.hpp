// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/error.hpp>
#include <modal/base/ids.hpp>
#include <modal/wire/call_head.hpp>

#include <chrono>
#include <span>
#include <string>
#include <string_view>

/// @file
/// What a call adds to HTTP/1.1: paths, field names, the report and the problem document. Pure:
/// text in, values out. design/wire_protocol.md is the specification.

namespace modal {

inline constexpr std::string_view call_media_type = "application/vnd.modal.call";
inline constexpr std::string_view json_media_type = "application/json";
inline constexpr std::string_view problem_media_type = "application/problem+json";
inline constexpr int protocol_version = 1;

inline constexpr std::string_view field_version = "modal-version";      ///< "1"
inline constexpr std::string_view field_call_id = "modal-call-id";      ///< 32 hex digits
inline constexpr std::string_view field_signature = "modal-signature";  ///< 32 hex digits
inline constexpr std::string_view field_timeout =
    "modal-timeout-us";                                             ///< microseconds that are left
inline constexpr std::string_view field_attempt = "modal-attempt";  ///< from 1
inline constexpr std::string_view field_report = "modal-report";    ///< see `executor_report`
inline constexpr std::string_view field_parent = "modal-parent";    ///< 32 hex digits
inline constexpr std::string_view field_depth = "modal-depth";      ///< see `call_head::depth`
inline constexpr std::string_view field_on_lost = "modal-on-lost";  ///< "repeat"
inline constexpr std::string_view field_require = "modal-require";  ///< features, comma separated
inline constexpr std::string_view field_traceparent = "traceparent";  ///< W3C Trace Context

/// One header field. Names compare without regard to case.
struct http_field {
  std::string_view name;
  std::string_view value;
};

/// Returns whether two field names are the same (ASCII case folded).
bool same_field(std::string_view a, std::string_view b) noexcept;

/// Returns the value of the first field of this name, or an empty text.
std::string_view find_field(std::span<const http_field> fields, std::string_view name) noexcept;

/// Returns the media type of a content-type value: parameters and white space cut off.
std::string_view media_type(std::string_view content_type) noexcept;

/// Returns whether `text` is a trace context (W3C Trace Context section 3.2).
bool is_traceparent(std::string_view text) noexcept;

/// Returns "/v1/functions/{name}/call" with the name percent-encoded.
std::string call_path(std::string_view function);

/// Recognises a call's path. Returns the decoded name, or an empty text for any other path.
/// **Errors**: `malformed_request` for broken percent-encoding.
result<std::string> parse_call_path(std::string_view path);

/// Reads the fields of a call. **Errors**: `malformed_request` for a value out of form or range;
/// `unsupported_feature`, by name, for another protocol version or a required feature.
result<call_head> parse_call_fields(std::span<const http_field> fields);

/// How bytes came to a device and from it: of several, the slowest.
enum class transfer_path : std::uint8_t {
  none,      ///< there were none
  host,      ///< by the CPU, on a host device
  packed,    ///< written together in page-locked memory, and copied from there
  pinned,    ///< from page-locked memory, where they came to lie
  pageable,  ///< from other memory: there was no page-locked memory left
};
std::string_view to_string(transfer_path path) noexcept;

/// What a call was on its device, by the device's clock.
struct device_report {
  std::string name{};                    ///< as "cuda:0"; empty: it was on none
  std::chrono::nanoseconds upload{0};    ///< of arguments
  std::chrono::nanoseconds run{0};       ///< between the copies: what the function put there
  std::chrono::nanoseconds download{0};  ///< of results
  std::size_t bytes_up = 0;
  std::size_t bytes_down = 0;
  std::size_t memory_peak = 0;  ///< the most bytes of device memory that it had at a time
  transfer_path path = transfer_path::none;
};

/// What the executor measured; the value of the `modal-report` field:
/// `queue=1200,decode=300,run=…,encode=…,attempts=1` in nanoseconds.
struct executor_report {
  std::chrono::nanoseconds queue{0};
  std::chrono::nanoseconds decode{0};
  std::chrono::nanoseconds run{0};
  std::chrono::nanoseconds encode{0};
  int attempts = 1;
  device_report device{};
};

/// Appends the field's value to `out`, without allocating where `out` has room for 120 characters,
/// or 300 for a call on a device.
void append_report(std::string& out, const executor_report& report);

/// Reads a report; unknown keys and malformed parts are ignored, as a report is only information.
executor_report parse_report(std::string_view text) noexcept;

/// Returns the HTTP status that carries `value` (RFC 9110 section 15): 503 for what can be retried
/// later, 404 for unknown functions and routes, 409 signature mismatch, 400, 413, 415, 417, 499 for
/// cancelled, 500 for failed functions, 504 for deadlines.
int http_status(errc value) noexcept;

/// Returns the reason phrase of a status, or "Unknown".
std::string_view reason_phrase(int status) noexcept;

/// Returns the problem document (RFC 9457) of `reason`:
/// `{"type": "urn:modal:error:queue_full", "title": …, "status": 503, "detail": …, "code": 10,
///   "condition": "retry_later", "signature": …, "function": …, "call_id": …, "exception_type": …,
///   "retry_after_ms": …}`.
std::string to_problem(const error& reason, int status);

/// Reads what a response with an error status says. A body that is no problem document, as proxies
/// make them, gives what the status means: `too_large` for 413, `queue_full` for 429 and 503,
/// `connection_lost` for 502 and 504, else `bad_response`; with the status and a line of the body.
error from_problem(int status, std::string_view content_type, std::string_view body);

}  // namespace modal
