// SPDX-License-Identifier: Apache-2.0
#include <modal/session/frames.hpp>

#include <algorithm>
#include <bit>
#include <cstring>

namespace modal::detail {
namespace {

static_assert(std::endian::native == std::endian::little, "modal: frames are little-endian");

template <class T>
void put(std::byte* to, T value) noexcept {
  std::memcpy(to, &value, sizeof value);
}
template <class T>
T get(const std::byte* from) noexcept {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

// As memcpy, which may not be asked for nothing from nowhere.
void put_text(std::byte* to, std::string_view text) noexcept {
  if (!text.empty()) std::memcpy(to, text.data(), text.size());
}

std::string_view text_of(bytes_view bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Of a hello: features by their names, so that one that is not known can be called by it.
//
//     0  u8   1: required
//     1  u8   n, bytes of the name
//     2  u16  zero
//     4  u32  d, bytes of the data
//     8  the name, the data
constexpr std::size_t feature_head_bytes = 8;
constexpr std::size_t limits_bytes = 32;

constexpr std::string_view feature_limits = "limits";
constexpr std::string_view feature_build = "build-id";
constexpr std::string_view feature_version = "version";
constexpr std::string_view feature_local_name = "local-name";
constexpr std::string_view feature_local_token = "local-token";

void add_feature(std::vector<std::byte>& out, bool is_required, std::string_view name,
                 bytes_view data) {
  const std::size_t begin = out.size();
  out.resize(begin + feature_head_bytes + name.size() + data.size());
  std::byte* at = out.data() + begin;
  put(at, static_cast<std::uint8_t>(is_required));
  put(at + 1, static_cast<std::uint8_t>(name.size()));
  put(at + 2, std::uint16_t{0});
  put(at + 4, static_cast<std::uint32_t>(data.size()));
  at = std::copy_n(std::as_bytes(std::span(name)).begin(), name.size(), at + feature_head_bytes);
  std::copy(data.begin(), data.end(), at);
}

void add_text(std::vector<std::byte>& out, std::string_view name, std::string_view text) {
  if (!text.empty()) add_feature(out, false, name, std::as_bytes(std::span(text)));
}

bool is_printable(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char each) { return each > ' ' && each < 0x7f; });
}

// A call: what is always there, and then what its flags and lengths say.
//
//     0   id              16
//     16  microseconds    u64
//     24  payload bytes   u64
//     32  attempt, depth  u16, u16
//     36  trace, name     u16, u16: their lengths
//     40  parent          16, where it is nested
//         signature       16, where it is named
//         trace, name
//         zeros up to a multiple of 16, counted with the frame's head
constexpr std::size_t call_fixed_bytes = 40;
constexpr std::size_t longest_trace = 255;
constexpr std::size_t longest_name = 512;

std::size_t trace_size(const call_head& head) noexcept {
  return head.traceparent.size() <= longest_trace ? head.traceparent.size() : 0;
}

constexpr std::size_t padded(std::size_t in_body) noexcept {
  return align_up(frame_head_bytes + in_body, frame_alignment) - frame_head_bytes;
}

void put_id(std::byte* to, const id128& id) noexcept {
  std::memcpy(to, id.bytes.data(), id.bytes.size());
}
id128 get_id(const std::byte* from) noexcept {
  id128 id;
  std::memcpy(id.bytes.data(), from, id.bytes.size());
  return id;
}

// A result.
//
//     0   payload bytes             u64
//     8   queue, decode, run, encode  u64 each, nanoseconds
//     40  attempts                  u32
//     44  text                      u32: its length
//     48  the text, zeros as above
constexpr std::size_t result_fixed_bytes = 48;

std::chrono::nanoseconds get_time(const std::byte* from) noexcept {
  constexpr auto most = static_cast<std::uint64_t>(INT64_MAX);
  return std::chrono::nanoseconds(std::min(get<std::uint64_t>(from), most));
}
void put_time(std::byte* to, std::chrono::nanoseconds time) noexcept {
  put(to, static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 0)));
}

}  // namespace

void write_frame_head(std::byte* to, const frame_head& head) noexcept {
  put(to, head.size);
  put(to + 4, static_cast<std::uint8_t>(head.kind));
  put(to + 5, head.flags);
  put(to + 6, std::uint16_t{0});
  put(to + 8, head.call);
  put(to + 12, head.value);
}

bool read_frame_head(const std::byte* from, frame_head& head) noexcept {
  head.size = get<std::uint32_t>(from);
  head.kind = static_cast<frame_kind>(get<std::uint8_t>(from + 4));
  head.flags = get<std::uint8_t>(from + 5);
  head.call = get<std::uint32_t>(from + 8);
  head.value = get<std::uint32_t>(from + 12);
  return get<std::uint16_t>(from + 6) == 0;
}

void write_hello(std::vector<std::byte>& out, const session_hello& hello) {
  std::byte limits[limits_bytes]{};
  put(limits, hello.calls);
  put(limits + 4, hello.inline_bytes);
  put(limits + 8, hello.segment_bytes);
  put(limits + 12, hello.credit);
  put(limits + 16, hello.payload_bytes);
  put(limits + 24, hello.silence_ms);
  add_feature(out, true, feature_limits, limits);
  add_text(out, feature_version, hello.version);
  add_text(out, feature_build, hello.build_id);
  add_text(out, feature_local_name, hello.local_name);
  add_text(out, feature_local_token, hello.local_token);
}

result<session_hello> read_hello(bytes_view body) {
  const auto wrong = [](const char* why) {
    return error(errc::malformed_request, std::string("the peer's hello ") + why);
  };
  session_hello hello;
  bool has_limits = false;
  while (!body.empty()) {
    if (body.size() < feature_head_bytes) return wrong("ends within a feature");
    const bool is_required = get<std::uint8_t>(body.data()) != 0;
    const auto name_size = get<std::uint8_t>(body.data() + 1);
    const auto data_size = get<std::uint32_t>(body.data() + 4);
    body = body.subspan(feature_head_bytes);
    if (data_size > body.size() || name_size > body.size() - data_size)
      return wrong("ends within a feature");
    const auto name = text_of(body.first(name_size));
    const auto data = body.subspan(name_size, data_size);
    body = body.subspan(std::size_t{name_size} + data_size);
    if (!is_printable(name)) return wrong("has a feature whose name is no text");
    if (name == feature_limits) {
      if (data.size() < limits_bytes) return wrong("has limits that are too short");
      has_limits = true;
      hello.calls = get<std::uint32_t>(data.data());
      hello.inline_bytes = get<std::uint32_t>(data.data() + 4);
      hello.segment_bytes = get<std::uint32_t>(data.data() + 8);
      hello.credit = get<std::uint32_t>(data.data() + 12);
      hello.payload_bytes = get<std::uint64_t>(data.data() + 16);
      hello.silence_ms = get<std::uint32_t>(data.data() + 24);
    } else if (name == feature_version) {
      hello.version = text_of(data);
    } else if (name == feature_build) {
      hello.build_id = text_of(data);
    } else if (name == feature_local_name) {
      hello.local_name = text_of(data);
    } else if (name == feature_local_token) {
      hello.local_token = text_of(data);
    } else if (is_required && hello.unknown_required.empty()) {
      hello.unknown_required = name;
    }
  }
  if (!has_limits) return wrong("says nothing of limits");
  if (hello.inline_bytes < 1024 || hello.segment_bytes < 1024 || hello.silence_ms < 10)
    return wrong("has limits that nobody could work with");
  return hello;
}

std::size_t call_frame_bytes(const call_head& head, bool is_named) noexcept {
  return padded(call_fixed_bytes + (head.depth > 0 ? 16 : 0) +
                (is_named ? 16 + head.function.size() : 0) + trace_size(head));
}

std::uint8_t write_call_frame(std::byte* to, const call_head& head, std::uint64_t size,
                              bool is_named) noexcept {
  const std::byte* const end = to + call_frame_bytes(head, is_named);
  const std::size_t trace = trace_size(head);
  std::uint8_t flags = 0;
  put_id(to, head.id);
  put(to + 16, static_cast<std::uint64_t>(std::max<std::int64_t>(head.timeout.count(), 1)));
  put(to + 24, size);
  put(to + 32, static_cast<std::uint16_t>(std::clamp(head.attempt, 1, 1000)));
  put(to + 34, static_cast<std::uint16_t>(std::clamp(head.depth, 0, 0xffff)));
  put(to + 36, static_cast<std::uint16_t>(trace));
  put(to + 38, static_cast<std::uint16_t>(is_named ? head.function.size() : 0));
  to += call_fixed_bytes;
  if (head.repeats) flags |= frame_repeats;
  if (head.depth > 0) {
    flags |= frame_is_nested;
    put_id(to, head.parent);
    to += 16;
  }
  if (is_named) {
    flags |= frame_is_named;
    put_id(to, head.signature);
    to += 16;
  }
  put_text(to, std::string_view(head.traceparent).substr(0, trace));
  to += trace;
  if (is_named) {
    put_text(to, head.function);
    to += head.function.size();
  }
  std::memset(to, 0, static_cast<std::size_t>(end - to));
  return flags;
}

const char* read_call_frame(bytes_view body, std::uint8_t flags, frame_call& into) {
  if (body.size() < call_fixed_bytes) return "is too short for a call";
  const std::byte* at = body.data();
  call_head& head = into.head;
  head.id = get_id(at);
  constexpr std::uint64_t longest = std::uint64_t{366} * 24 * 3600 * 1'000'000;
  head.timeout =
      std::chrono::microseconds(std::clamp(get<std::uint64_t>(at + 16), std::uint64_t{1}, longest));
  into.size = get<std::uint64_t>(at + 24);
  head.attempt = get<std::uint16_t>(at + 32);
  head.depth = get<std::uint16_t>(at + 34);
  const std::size_t trace = get<std::uint16_t>(at + 36);
  const std::size_t name = get<std::uint16_t>(at + 38);
  const bool is_nested = (flags & frame_is_nested) != 0;
  const bool is_named = (flags & frame_is_named) != 0;
  const std::size_t whole =
      padded(call_fixed_bytes + (is_nested ? 16 : 0) + (is_named ? 16 : 0) + trace + name);
  if (whole > body.size()) return "is too short for what it says of its call";
  if (head.attempt < 1 || head.attempt > 1000) return "has an attempt out of range";
  if (is_nested != (head.depth > 0)) return "contradicts itself about who makes the call";
  if (is_named ? name == 0 || name > longest_name : name != 0)
    return "contradicts itself about the function's name";
  if (trace > longest_trace) return "has a trace context that is too long";
  at += call_fixed_bytes;
  head.parent = {};
  if (is_nested) {
    head.parent = get_id(at);
    at += 16;
  }
  head.signature = {};
  if (is_named) {
    head.signature = get_id(at);
    at += 16;
  }
  head.repeats = (flags & frame_repeats) != 0;
  const std::string_view said(reinterpret_cast<const char*>(at), trace);
  if (is_traceparent(said))
    head.traceparent = said;
  else
    head.traceparent.clear();
  head.function.assign(reinterpret_cast<const char*>(at + trace), name);
  into.payload_at = whole;
  return nullptr;
}

std::size_t result_frame_bytes(std::string_view device_text) noexcept {
  return padded(result_fixed_bytes + device_text.size());
}

void write_result_frame(std::byte* to, const executor_report& report, std::string_view device_text,
                        std::uint64_t size) noexcept {
  put(to, size);
  put_time(to + 8, report.queue);
  put_time(to + 16, report.decode);
  put_time(to + 24, report.run);
  put_time(to + 32, report.encode);
  put(to + 40, static_cast<std::uint32_t>(std::max(report.attempts, 0)));
  put(to + 44, static_cast<std::uint32_t>(device_text.size()));
  put_text(to + result_fixed_bytes, device_text);
  const std::size_t used = result_fixed_bytes + device_text.size();
  std::memset(to + used, 0, padded(used) - used);
}

const char* read_result_frame(bytes_view body, frame_result& into) {
  if (body.size() < result_fixed_bytes) return "is too short for a result";
  const std::byte* at = body.data();
  into.size = get<std::uint64_t>(at);
  const std::size_t text = get<std::uint32_t>(at + 44);
  if (text > body.size() || padded(result_fixed_bytes + text) > body.size())
    return "is too short for its report";
  into.report = {};
  if (text != 0) into.report = parse_report(text_of(body.subspan(result_fixed_bytes, text)));
  into.report.queue = get_time(at + 8);
  into.report.decode = get_time(at + 16);
  into.report.run = get_time(at + 24);
  into.report.encode = get_time(at + 32);
  into.report.attempts =
      static_cast<int>(std::min<std::uint32_t>(get<std::uint32_t>(at + 40), 1'000'000));
  into.payload_at = padded(result_fixed_bytes + text);
  return nullptr;
}

}  // namespace modal::detail
