// SPDX-License-Identifier: Apache-2.0
#include <modal/session/frames.hpp>

#include "support/catch.hpp"

using namespace modal;
using namespace modal::detail;

TEST_CASE("frames: heads are read as they were written", "[session][frames]") {
  const frame_head head{.size = 0x01020304,
                        .kind = frame_kind::credit,
                        .flags = 5,
                        .call = 0x0a0b0c0d,
                        .value = 0xfffffffe};
  std::array<std::byte, frame_head_bytes> bytes{};
  write_frame_head(bytes.data(), head);
  CHECK(bytes[0] == std::byte{4});  // little-endian
  CHECK(bytes[4] == std::byte{7});
  frame_head read;
  CHECK(read_frame_head(bytes.data(), read));
  CHECK(read == head);
  bytes[7] = std::byte{1};
  CHECK_FALSE(read_frame_head(bytes.data(), read));
}

TEST_CASE("frames: a hello is read as it was written", "[session][frames]") {
  session_hello hello;
  hello.version = "1.2.3";
  hello.build_id = "abcd";
  hello.calls = 99;
  hello.inline_bytes = 2048;
  hello.segment_bytes = 4096;
  hello.payload_bytes = std::uint64_t{1} << 40;
  hello.credit = 5;
  hello.silence_ms = 77;
  hello.local_name = "modal-1";
  hello.local_token = "secret";
  std::vector<std::byte> bytes;
  write_hello(bytes, hello);
  const auto read = read_hello(bytes);
  REQUIRE(read.has_value());
  CHECK(read->version == hello.version);
  CHECK(read->build_id == hello.build_id);
  CHECK(read->calls == hello.calls);
  CHECK(read->inline_bytes == hello.inline_bytes);
  CHECK(read->segment_bytes == hello.segment_bytes);
  CHECK(read->payload_bytes == hello.payload_bytes);
  CHECK(read->credit == hello.credit);
  CHECK(read->silence_ms == hello.silence_ms);
  CHECK(read->unknown_required.empty());
  // No part of it is one.
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto part = read_hello(bytes_view(bytes).first(size));
    if (part) CHECK(part->payload_bytes == hello.payload_bytes);
  }
}

TEST_CASE("frames: limits that nobody could work with are no hello", "[session][frames]") {
  session_hello hello;
  hello.inline_bytes = 10;
  std::vector<std::byte> bytes;
  write_hello(bytes, hello);
  CHECK_FALSE(read_hello(bytes).has_value());
}

TEST_CASE("frames: a call is read as it was written", "[session][frames]") {
  call_head head;
  head.function = "filters::blur";
  head.id = call_id::random();
  head.signature = signature_id::random();
  head.timeout = std::chrono::seconds(3);
  head.attempt = 2;
  head.repeats = GENERATE(false, true);
  const bool is_named = GENERATE(false, true);
  if (GENERATE(false, true)) {
    head.depth = 3;
    head.parent = call_id::random();
  }
  if (GENERATE(false, true))
    head.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  std::vector<std::byte> bytes(call_frame_bytes(head, is_named), std::byte{0xff});
  CHECK((bytes.size() + frame_head_bytes) % frame_alignment == 0);
  const auto flags = write_call_frame(bytes.data(), head, 1234, is_named);
  frame_call read;
  REQUIRE(read_call_frame(bytes, flags, read) == nullptr);
  CHECK(read.size == 1234);
  CHECK(read.payload_at == bytes.size());
  CHECK(read.head.id == head.id);
  CHECK(read.head.timeout == head.timeout);
  CHECK(read.head.attempt == 2);
  CHECK(read.head.repeats == head.repeats);
  CHECK(read.head.depth == head.depth);
  CHECK(read.head.parent == head.parent);
  CHECK(read.head.traceparent == head.traceparent);
  CHECK(read.head.function == (is_named ? head.function : ""));
  CHECK(read.head.signature == (is_named ? head.signature : signature_id{}));
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK(read_call_frame(bytes_view(bytes).first(size), flags, read) != nullptr);
  // Flags that say something else than the bytes.
  CHECK(read_call_frame(bytes, flags ^ frame_is_named, read) != nullptr);
  CHECK(read_call_frame(bytes, flags ^ frame_is_nested, read) != nullptr);
}

TEST_CASE("frames: a result is read as it was written", "[session][frames]") {
  executor_report report;
  report.queue = std::chrono::nanoseconds(1);
  report.decode = std::chrono::nanoseconds(2);
  report.run = std::chrono::nanoseconds(3);
  report.encode = std::chrono::nanoseconds(4);
  report.attempts = 5;
  std::string text;
  if (GENERATE(false, true)) {
    report.device.name = "host:0";
    report.device.bytes_up = 77;
    append_report(text, report);
  }
  std::vector<std::byte> bytes(result_frame_bytes(text), std::byte{0xff});
  CHECK((bytes.size() + frame_head_bytes) % frame_alignment == 0);
  write_result_frame(bytes.data(), report, text, 99);
  frame_result read;
  REQUIRE(read_result_frame(bytes, read) == nullptr);
  CHECK(read.size == 99);
  CHECK(read.payload_at == bytes.size());
  CHECK(read.report.queue == report.queue);
  CHECK(read.report.encode == report.encode);
  CHECK(read.report.attempts == 5);
  CHECK(read.report.device.name == report.device.name);
  CHECK(read.report.device.bytes_up == report.device.bytes_up);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK(read_result_frame(bytes_view(bytes).first(size), read) != nullptr);
}
