// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "raw_peer.hpp"
#include "support/lone_end.hpp"

/// @file
/// A caller that speaks frames made by hand.

namespace test {

/// Adds the bytes of one more call to a session; see `frame_call`.
inline std::string call_frame(std::uint32_t number, const std::string& function,
                              const std::string& payload, std::uint64_t size = 0,
                              std::chrono::microseconds timeout = 60s) {
  modal::call_head head;
  head.id = modal::call_id::random();
  head.function = function;
  head.signature = bytes_signature().id;
  head.timeout = timeout;
  if (size == 0) size = payload.size();
  std::vector<std::byte> body(modal::detail::call_frame_bytes(head, true));
  auto flags = modal::detail::write_call_frame(body.data(), head, size, true);
  if (payload.size() < size) flags |= modal::detail::frame_has_more;
  return lone_end::frame({.kind = modal::detail::frame_kind::call, .flags = flags, .call = number},
                         text_of(body) + payload);
}

/// The same of a function that has a number.
inline std::string numbered_call(std::uint32_t number, std::uint32_t function,
                                 const std::string& payload) {
  modal::call_head head;
  head.id = modal::call_id::random();
  head.timeout = 60s;
  std::vector<std::byte> body(modal::detail::call_frame_bytes(head, false));
  modal::detail::write_call_frame(body.data(), head, payload.size(), false);
  return lone_end::frame(
      {.kind = modal::detail::frame_kind::call, .call = number, .value = function},
      text_of(body) + payload);
}

inline std::string plain_frame(modal::detail::frame_kind kind, std::uint32_t call = 0,
                               std::uint32_t value = 0, std::string_view body = {}) {
  return lone_end::frame({.kind = kind, .call = call, .value = value}, body);
}

/// One end of a session with an executor.
class session_peer {
 public:
  explicit session_peer(const executor& to, bool says_hello = true) : line(to) {
    line.send(get_request("/v1/session", "connection: upgrade\r\nupgrade: modal/1\r\n"));
    const auto answer = line.read_response(false);
    REQUIRE(answer.status == 101);
    REQUIRE(read().kind == modal::detail::frame_kind::hello);
    auto hello = modal::detail::read_hello(std::as_bytes(std::span(body)));
    REQUIRE(hello.has_value());
    executor_hello = *hello;
    if (says_hello) line.send(hello_frame());
  }

  static std::string hello_frame(std::uint64_t payload_bytes = 1 << 30,
                                 std::uint32_t credit = 1 << 20) {
    modal::detail::session_hello own;
    own.payload_bytes = payload_bytes;
    own.credit = credit;
    std::vector<std::byte> bytes;
    modal::detail::write_hello(bytes, own);
    return plain_frame(modal::detail::frame_kind::hello, 0, 1, text_of(bytes));
  }

  /// Reads a frame; its body is in `body`.
  modal::detail::frame_head read() {
    modal::detail::frame_head head;
    REQUIRE(try_read(head));
    return head;
  }
  bool try_read(modal::detail::frame_head& head) {
    const auto bytes = line.read_exactly(modal::detail::frame_head_bytes);
    if (bytes.size() < modal::detail::frame_head_bytes) return false;
    REQUIRE(read_frame_head(reinterpret_cast<const std::byte*>(bytes.data()), head));
    body =
        line.read_exactly(modal::detail::frame_bytes(head.size) - modal::detail::frame_head_bytes);
    body.resize(head.size);
    return true;
  }

  /// Reads the answer to a call: the status of its error, or 200; its problem or payload is in
  /// `body`.
  int read_answer(std::uint32_t number) {
    const auto head = read();
    CHECK(head.call == number);
    function = head.value;
    if (head.kind == modal::detail::frame_kind::error) {
      int status = 0;
      std::memcpy(&status, body.data(), sizeof status);
      body.erase(0, 8);
      return status;
    }
    REQUIRE(head.kind == modal::detail::frame_kind::result);
    modal::detail::frame_result result;
    REQUIRE(read_result_frame(std::as_bytes(std::span(body)), result) == nullptr);
    body.erase(0, result.payload_at);
    return 200;
  }

  /// Reads up to the end of the session; returns what the executor said of it.
  std::string read_end() {
    std::string why;
    modal::detail::frame_head head;
    while (try_read(head))
      if (head.kind == modal::detail::frame_kind::go_away) why = body;
    return why;
  }

  raw_peer line;
  modal::detail::session_hello executor_hello;
  std::string body;
  std::uint32_t function = 0;
};

}  // namespace test
