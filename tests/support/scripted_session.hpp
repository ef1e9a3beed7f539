// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/session/frames.hpp>
#include <modal/wire/output_archive.hpp>
#include <modal/wire/payload.hpp>

#include "support/catch.hpp"
#include "support/scripted_peer.hpp"

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

/// @file
/// An executor's end of a session, played by a test.

namespace test {

/// Returns a frame with this body.
inline std::string frame_of(modal::detail::frame_head head, std::string_view body = {}) {
  head.size = static_cast<std::uint32_t>(body.size());
  std::string text(modal::detail::frame_head_bytes, '\0');
  write_frame_head(reinterpret_cast<std::byte*>(text.data()), head);
  text += body;
  text.resize(modal::detail::frame_bytes(body.size()), '\0');
  return text;
}

inline std::string hello_frame(const modal::detail::session_hello& hello) {
  std::vector<std::byte> body;
  modal::detail::write_hello(body, hello);
  return frame_of({.kind = modal::detail::frame_kind::hello, .value = 1},
                  {reinterpret_cast<const char*>(body.data()), body.size()});
}

inline modal::detail::session_hello executor_hello(std::uint32_t calls = 16) {
  modal::detail::session_hello hello;
  hello.calls = calls;
  hello.payload_bytes = 1 << 30;
  return hello;
}

/// One connection on which the client asks for a session.
class scripted_session {
 public:
  explicit scripted_session(scripted_connection made) : connection(std::move(made)) {}

  /// Lets it be one.
  void accept(const modal::detail::session_hello& hello = executor_hello()) {
    const auto head = connection.read_head();
    CHECK(head.starts_with("GET /v1/session HTTP/1.1\r\n"));
    CHECK(scripted_connection::field(head, "upgrade") == "modal/1");
    connection.send("HTTP/1.1 101 Switching Protocols\r\nupgrade: modal/1\r\n\r\n" +
                    hello_frame(hello));
    CHECK(read().kind == modal::detail::frame_kind::hello);
  }

  /// Reads a frame; its body is in `body`.
  modal::detail::frame_head read() {
    const auto bytes = connection.read_exactly(modal::detail::frame_head_bytes);
    modal::detail::frame_head head;
    REQUIRE(read_frame_head(reinterpret_cast<const std::byte*>(bytes.data()), head));
    const auto rest = connection.read_exactly(modal::detail::frame_bytes(head.size) -
                                              modal::detail::frame_head_bytes);
    body = rest.substr(0, head.size);
    return head;
  }

  /// Reads frames up to a call, which is in `call`.
  modal::detail::frame_head read_call() {
    for (;;) {
      const auto head = read();
      if (head.kind != modal::detail::frame_kind::call) continue;
      REQUIRE(read_call_frame(std::as_bytes(std::span(body)), head.flags, call) == nullptr);
      return head;
    }
  }

  template <class R>
  static std::string result_frame(std::uint32_t number, const R& value,
                                  std::uint32_t function = 0) {
    modal::payload result;
    modal::output_archive archive(result);
    archive(value);
    const auto bytes = result.to_bytes();
    std::vector<std::byte> head(modal::detail::result_frame_bytes({}));
    modal::detail::write_result_frame(head.data(), {}, {}, bytes.size());
    std::string text(reinterpret_cast<const char*>(head.data()), head.size());
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return frame_of({.kind = modal::detail::frame_kind::result, .call = number, .value = function},
                    text);
  }
  template <class R>
  void answer(std::uint32_t number, const R& value, std::uint32_t function = 0) {
    connection.send(result_frame(number, value, function));
  }
  void refuse(std::uint32_t number, modal::errc why, int status) {
    connection.send(frame_of({.kind = modal::detail::frame_kind::error, .call = number},
                             error_body(why, status)));
  }
  static std::string error_body(modal::errc why, int status) {
    std::string text(8, '\0');
    std::memcpy(text.data(), &status, sizeof status);
    return text + modal::to_problem(modal::error(why, "no"), status);
  }
  void go_away(std::uint32_t seen) {
    connection.send(
        frame_of({.kind = modal::detail::frame_kind::go_away, .value = seen}, "for a test"));
  }

  scripted_connection connection;
  std::string body;
  modal::detail::frame_call call;
};

}  // namespace test
