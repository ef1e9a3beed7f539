// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/session_pair.hpp"

/// @file
/// One end of a session that is told bytes made by hand.

namespace test {

struct lone_end {
  explicit lone_end(modal::detail::session_side side) : machine(session_config_of(side), now) {
    modal::detail::session_hello hello = session_config_of(modal::detail::session_side::caller).own;
    hello.calls = 8;
    std::vector<std::byte> body;
    modal::detail::write_hello(body, hello);
    hello_frame = frame({.kind = modal::detail::frame_kind::hello, .value = 1}, text_of(body));
  }
  static std::string frame(modal::detail::frame_head head, std::string_view body,
                           bool is_padded = true) {
    head.size = static_cast<std::uint32_t>(body.size());
    std::string text(modal::detail::frame_head_bytes, '\0');
    modal::detail::write_frame_head(reinterpret_cast<std::byte*>(text.data()), head);
    text += body;
    if (is_padded) text.resize(modal::detail::frame_bytes(body.size()), '\0');
    return text;
  }
  static std::string call(std::uint32_t number, std::string_view payload, std::uint64_t size,
                          std::uint8_t more_flags = 0) {
    modal::call_head head;
    head.function = "f";
    std::vector<std::byte> body(modal::detail::call_frame_bytes(head, true));
    const auto flags = modal::detail::write_call_frame(body.data(), head, size, true);
    std::string text = text_of(body) + std::string(payload);
    return frame({.kind = modal::detail::frame_kind::call,
                  .flags = static_cast<std::uint8_t>(flags | more_flags),
                  .call = number},
                 text);
  }
  session_kind feed(std::string_view bytes) {
    session_kind last = session_kind::wait;
    while (!bytes.empty()) {
      const auto room = machine.prepare();
      const std::size_t size = std::min(room.size(), bytes.size());
      std::memcpy(room.data(), bytes.data(), size);
      bytes.remove_prefix(size);
      machine.on_bytes(size, now);
      for (;;) {
        const auto told = machine.next();
        if (told.what == session_kind::wait) break;
        last = told.what;
        if (told.what == session_kind::over) return last;
      }
    }
    return last;
  }
  std::string why() const { return machine.failure().details().message; }

  modal::time_point now{std::chrono::seconds{1000}};
  std::string hello_frame;
  modal::detail::session_fsm machine;
};

}  // namespace test
