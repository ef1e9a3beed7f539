// SPDX-License-Identifier: Apache-2.0
#include <modal/wire/http_call.hpp>
#include <modal/wire/json_value.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace modal {
namespace {

constexpr std::string_view call_prefix = "/v1/functions/";
constexpr std::string_view call_suffix = "/call";

constexpr char fold_case(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

constexpr bool is_unreserved(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~' || c == ':';
}

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  const char folded = fold_case(c);
  return folded >= 'a' && folded <= 'f' ? folded - 'a' + 10 : -1;
}

// Reads a whole decimal number within [least, most].
template <class T>
bool read_decimal(std::string_view text, T least, T most, T& out) noexcept {
  T value{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size()) return false;
  if (value < least || value > most) return false;
  out = value;
  return true;
}

error malformed_field(std::string_view name) {
  return {errc::malformed_request, "the value of the field " + std::string(name) + " is malformed"};
}

error check_requirements(std::string_view required) {
  // No feature is optional yet, so whatever is required by name is one that is missing.
  return {errc::unsupported_feature, "the caller requires " + std::string(required)};
}

struct status_entry {
  int status;
  std::string_view phrase;
};

constexpr std::array status_table{
    status_entry{100, "Continue"},
    status_entry{200, "OK"},
    status_entry{204, "No Content"},
    status_entry{304, "Not Modified"},
    status_entry{400, "Bad Request"},
    status_entry{403, "Forbidden"},
    status_entry{404, "Not Found"},
    status_entry{405, "Method Not Allowed"},
    status_entry{406, "Not Acceptable"},
    status_entry{408, "Request Timeout"},
    status_entry{409, "Conflict"},
    status_entry{411, "Length Required"},
    status_entry{413, "Content Too Large"},
    status_entry{415, "Unsupported Media Type"},
    status_entry{417, "Expectation Failed"},
    status_entry{431, "Request Header Fields Too Large"},
    status_entry{499, "Client Closed Request"},
    status_entry{500, "Internal Server Error"},
    status_entry{501, "Not Implemented"},
    status_entry{503, "Service Unavailable"},
    status_entry{504, "Gateway Timeout"},
    status_entry{505, "HTTP Version Not Supported"},
};

// What a person may want to know of a page that some proxy made: one line, without its markup.
std::string one_line(std::string_view body) {
  constexpr std::size_t most = 160;
  std::string line;
  bool in_tag = false;
  for (const char c : body) {
    if (c == '<') in_tag = true;
    const bool is_space = static_cast<unsigned char>(c) <= ' ' || c == '\x7f' || in_tag;
    if (c == '>') in_tag = false;
    if (!is_space)
      line += c;
    else if (!line.empty() && line.back() != ' ')
      line += ' ';
    if (line.size() > most) break;
  }
  if (line.size() > most) {
    line.resize(most);
    while (!line.empty() && (static_cast<unsigned char>(line.back()) & 0xc0) == 0x80)
      line.pop_back();  // not in the middle of a character
    if (!line.empty() && static_cast<unsigned char>(line.back()) >= 0xc0) line.pop_back();
    line += "…";
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

// What a status means that comes from something between us and the executor (RFC 9110 section 15,
// RFC 6585 section 4). A gateway that lost the executor cannot say whether the function ran.
errc from_status(int status) noexcept {
  switch (status) {
    case 413:
      return errc::too_large;
    case 429:
    case 503:
      return errc::queue_full;
    case 502:
    case 504:
      return errc::connection_lost;
    default:
      return errc::bad_response;
  }
}

std::string text_member(const nlohmann::json& document, const char* name) {
  const auto found = document.find(name);
  return found != document.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

}  // namespace

bool same_field(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return fold_case(x) == fold_case(y); });
}

std::string_view find_field(std::span<const http_field> fields, std::string_view name) noexcept {
  for (const auto& field : fields)
    if (same_field(field.name, name)) return field.value;
  return {};
}

std::string_view media_type(std::string_view content_type) noexcept {
  auto type = content_type.substr(0, content_type.find(';'));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.remove_suffix(1);
  while (!type.empty() && (type.front() == ' ' || type.front() == '\t')) type.remove_prefix(1);
  return type;
}

bool is_traceparent(std::string_view text) noexcept {
  if (text.size() < 55 || text.size() > 256) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (i == 2 || i == 35 || i == 52 || i == 55) {
      if (c != '-') return false;
    } else if (i < 55 && !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
      return false;
    } else if (static_cast<unsigned char>(c) <= ' ' || static_cast<unsigned char>(c) >= 0x7f) {
      return false;
    }
  }
  const auto version = text.substr(0, 2);
  const auto is_zero = [](std::string_view id) {
    return id.find_first_not_of('0') == std::string_view::npos;
  };
  if (version == "ff" || (version == "00" && text.size() != 55)) return false;
  return !is_zero(text.substr(3, 32)) && !is_zero(text.substr(36, 16));
}

std::string call_path(std::string_view function) {
  constexpr char digits[] = "0123456789ABCDEF";
  std::string path(call_prefix);
  for (const char c : function) {
    if (is_unreserved(c)) {
      path += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      path += '%';
      path += digits[byte >> 4];
      path += digits[byte & 15];
    }
  }
  return path.append(call_suffix);
}

result<std::string> parse_call_path(std::string_view path) {
  path = path.substr(0, path.find('?'));
  if (!path.starts_with(call_prefix) || !path.ends_with(call_suffix) ||
      path.size() <= call_prefix.size() + call_suffix.size())
    return std::string{};
  path.remove_prefix(call_prefix.size());
  path.remove_suffix(call_suffix.size());
  if (path.find('/') != std::string_view::npos) return std::string{};
  std::string name;
  name.reserve(path.size());
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '%') {
      name += path[i];
      continue;
    }
    const int high = i + 2 < path.size() ? hex_value(path[i + 1]) : -1;
    const int low = i + 2 < path.size() ? hex_value(path[i + 2]) : -1;
    if (high < 0 || low < 0)
      return error(errc::malformed_request, "the path has broken percent-encoding");
    name += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return name;
}

result<call_head> parse_call_fields(std::span<const http_field> fields) {
  call_head head;
  for (const auto& [name, value] : fields) {
    if (same_field(name, field_call_id)) {
      if (!id128::from_string(value, head.id)) return malformed_field(name);
    } else if (same_field(name, field_signature)) {
      if (!id128::from_string(value, head.signature)) return malformed_field(name);
    } else if (same_field(name, field_timeout)) {
      std::int64_t microseconds = 0;
      constexpr std::int64_t most = std::int64_t{366} * 24 * 3600 * 1'000'000;
      if (!read_decimal<std::int64_t>(value, 0, most, microseconds)) return malformed_field(name);
      // No time left is not the same as no limit.
      head.timeout = std::chrono::microseconds(std::max<std::int64_t>(microseconds, 1));
    } else if (same_field(name, field_attempt)) {
      if (!read_decimal(value, 1, 1000, head.attempt)) return malformed_field(name);
    } else if (same_field(name, field_parent)) {
      if (!id128::from_string(value, head.parent)) return malformed_field(name);
    } else if (same_field(name, field_depth)) {
      if (!read_decimal(value, 0, 1'000'000, head.depth)) return malformed_field(name);
    } else if (same_field(name, field_on_lost)) {
      if (value != "repeat") return malformed_field(name);
      head.repeats = true;
    } else if (same_field(name, field_traceparent)) {
      if (is_traceparent(value)) head.traceparent = value;  // else ignored, as it asks
    } else if (same_field(name, field_version)) {
      int version = 0;
      if (!read_decimal(value, 1, 1'000'000, version)) return malformed_field(name);
      if (version != protocol_version)
        return error(errc::unsupported_feature,
                     "protocol version " + std::to_string(version) + " is not spoken here, only 1");
    } else if (same_field(name, field_require)) {
      if (!media_type(value).empty()) return check_requirements(value);
    }
  }
  return head;
}

void append_report(std::string& out, const executor_report& report) {
  const auto append = [&out](std::string_view key, auto value) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    out.append(key).append(digits, end);
  };
  append("queue=", report.queue.count());
  append(",decode=", report.decode.count());
  append(",run=", report.run.count());
  append(",encode=", report.encode.count());
  append(",attempts=", report.attempts);
  const device_report& device = report.device;
  if (device.name.empty()) return;
  out.append(",device=").append(device.name);
  append(",upload=", device.upload.count());
  append(",device-run=", device.run.count());
  append(",download=", device.download.count());
  append(",bytes-up=", device.bytes_up);
  append(",bytes-down=", device.bytes_down);
  append(",memory-peak=", device.memory_peak);
  out.append(",path=").append(to_string(device.path));
}

std::string_view to_string(transfer_path path) noexcept {
  switch (path) {
    case transfer_path::none:
      return "none";
    case transfer_path::host:
      return "host";
    case transfer_path::packed:
      return "packed";
    case transfer_path::pinned:
      return "pinned";
    case transfer_path::pageable:
      return "pageable";
  }
  return "none";
}

executor_report parse_report(std::string_view text) noexcept {
  executor_report report;
  while (!text.empty()) {
    const auto part = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    const auto equals = part.find('=');
    if (equals == std::string_view::npos) continue;
    const auto key = part.substr(0, equals);
    const auto text_value = part.substr(equals + 1);
    // No longer than what a string holds without memory.
    if (key == "device" && text_value.size() <= 15) report.device.name = text_value;
    if (key == "path")
      for (const auto each : {transfer_path::host, transfer_path::packed, transfer_path::pinned,
                              transfer_path::pageable})
        if (text_value == to_string(each)) report.device.path = each;
    std::int64_t value = 0;
    if (!read_decimal<std::int64_t>(part.substr(equals + 1), 0, INT64_MAX, value)) continue;
    const std::chrono::nanoseconds time(value);
    if (key == "queue") report.queue = time;
    if (key == "decode") report.decode = time;
    if (key == "run") report.run = time;
    if (key == "encode") report.encode = time;
    if (key == "upload") report.device.upload = time;
    if (key == "device-run") report.device.run = time;
    if (key == "download") report.device.download = time;
    if (key == "bytes-up") report.device.bytes_up = static_cast<std::size_t>(value);
    if (key == "bytes-down") report.device.bytes_down = static_cast<std::size_t>(value);
    if (key == "memory-peak") report.device.memory_peak = static_cast<std::size_t>(value);
    if (key == "attempts" && value <= 1000) report.attempts = static_cast<int>(value);
  }
  return report;
}

int http_status(errc value) noexcept {
  switch (value) {
    case errc::queue_full:
    case errc::draining:
    case errc::device_out_of_memory:
      return 503;
    case errc::unknown_function:
    case errc::unknown_route:
      return 404;
    case errc::unsupported_media:
      return 415;
    case errc::unsupported_feature:
    case errc::no_device:
      return 501;
    case errc::signature_mismatch:
    case errc::duplicate_call:
      return 409;
    case errc::malformed_payload:
    case errc::malformed_request:
      return 400;
    case errc::too_large:
      return 413;
    case errc::cancelled:
      return 499;
    case errc::deadline_exceeded:
      return 504;
    case errc::device_fault:
    case errc::function_failed:
    case errc::result_too_large:
    case errc::connect_failed:
    case errc::connection_lost:
    case errc::bad_response:
    case errc::bad_configuration:
    case errc::duplicate_function:
      return 500;
  }
  return 500;
}

std::string_view reason_phrase(int status) noexcept {
  for (const auto& entry : status_table)
    if (entry.status == status) return entry.phrase;
  return "Unknown";
}

std::string to_problem(const error& reason, int status) {
  const auto& details = reason.details();
  std::string document;
  json_writer out(document);
  const auto text = [&out](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    out.key(name);
    out.any_text(value);  // a user's exception text may be anything
  };
  const auto number = [&out](std::string_view name, std::int64_t value) {
    out.key(name);
    out.integer(value);
  };
  out.begin_object();
  text("type", "urn:modal:error:" + std::string(to_string(reason.value())));
  text("title", reason.code().message());
  number("status", status);
  text("detail", details.message);
  number("code", static_cast<int>(reason.value()));
  text("condition", to_string(reason.condition()));
  text("function", details.function);
  text("call_id", details.call_id);
  text("exception_type", details.exception_type);
  text("signature", details.signature);
  if (details.retry_after.count() > 0) number("retry_after_ms", details.retry_after.count());
  out.end_object();
  return document;
}

error from_problem(int status, std::string_view content_type, std::string_view body) {
  const auto unreadable = [&] {
    std::string text = "status " + std::to_string(status) + " without a problem document";
    if (const auto line = one_line(body); !line.empty()) text += ": " + line;
    return error(from_status(status), std::move(text));
  };
  if (media_type(content_type) != problem_media_type) return unreadable();
  const auto document = nlohmann::json::parse(body.begin(), body.end(), nullptr, false);
  if (!document.is_object()) return unreadable();
  constexpr std::string_view prefix = "urn:modal:error:";
  const std::string type = text_member(document, "type");
  errc value{};
  if (!type.starts_with(prefix) ||
      !from_string(std::string_view(type).substr(prefix.size()), value))
    return unreadable();
  error reason(value, text_member(document, "detail"));
  auto& details = reason.details();
  details.function = text_member(document, "function");
  details.call_id = text_member(document, "call_id");
  details.exception_type = text_member(document, "exception_type");
  details.signature = text_member(document, "signature");
  if (const auto wait = document.find("retry_after_ms");
      wait != document.end() && wait->is_number_unsigned())
    details.retry_after =
        std::chrono::milliseconds(std::min<std::uint64_t>(wait->get<std::uint64_t>(), 3'600'000));
  return reason;
}

}  // namespace modal
