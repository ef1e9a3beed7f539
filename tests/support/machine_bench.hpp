// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http1/connection_fsm.hpp"
#include "support/segment_store.hpp"

#include <cstring>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// A connection without a socket: a machine, what its peer has sent and nobody has read yet, and a
// handler that writes down what becomes of each request. For unit tests and fuzzers.
namespace test {

inline std::string get(const std::string& target, const std::string& fields = {}) {
  return "GET " + target + " HTTP/1.1\r\nhost: a\r\n" + fields + "\r\n";
}
inline std::string post(const std::string& target, std::size_t size,
                        const std::string& fields = {}) {
  return "POST " + target + " HTTP/1.1\r\nhost: a\r\n" + fields +
         "content-length: " + std::to_string(size) + "\r\n\r\n";
}
inline std::string chunked(const std::string& target, const std::string& chunks,
                           const std::string& fields = {}) {
  return "POST " + target + " HTTP/1.1\r\nhost: a\r\n" + fields +
         "transfer-encoding: chunked\r\n\r\n" + chunks;
}

class machine_bench {
 public:
  using machine_t = modal::detail::connection_fsm;
  using kind = machine_t::action::kind;
  enum class memory : std::uint8_t { granted, paused, refused };

  explicit machine_bench(const modal::limits& limits = {})
      : bounds(limits), machine(bounds, pool, now) {}

  /// The peer sends bytes, of which as many are read as the machine wants.
  void send(std::string_view bytes) {
    sent_ += bytes;
    run();
  }
  /// The peer ends the connection behind all that it has sent.
  void end() {
    ends_ = true;
    run();
  }
  /// The reply that is awaited is out.
  void reply(bool is_out = true) {
    awaits_ = false;
    machine.on_replied(is_out, now);
    run();
  }
  void grant() {
    if (const auto total = std::exchange(waits_for_, std::nullopt)) machine.grant(*total, now);
    run();
  }
  /// There is room for segments again.
  void make_room() {
    segments.has_none = false;
    machine.resume(now);
    run();
  }
  /// Time passes.
  void wait(modal::duration length) {
    now += length;
    machine.on_time(now);
    run();
  }
  /// Does all that can be done now.
  void run() {
    for (;;) {
      while (step()) {
      }
      if (is_closed || !read()) return;
    }
  }

  /// Performs the next action. Returns whether there was one.
  bool step() {
    const auto next = machine.next(now);
    if (next.what == kind::wait || is_closed) return false;
    actions.push_back(next.what);
    if (on_action) on_action(actions.size());
    switch (next.what) {
      case kind::wait:
        break;
      case kind::open:
        open();
        break;
      case kind::say_continue:
        ++continues;
        break;
      case kind::say_working:
        ++workings;
        break;
      case kind::ask_memory:
        ask_memory(next.bytes);
        break;
      case kind::need: {
        const auto room = segments.find_room(next.part, {}).value();
        if (room.empty())
          machine.pause(now);
        else
          machine.give(room);
        break;
      }
      case kind::submit: {
        const auto body = machine.take_body();
        text.append("body ").append(text_of(body.block())).append("\n");
        if (body.parts() != nullptr) {
          text.append("envelope ").append(text_of(body.parts()->envelope())).append("\n");
          for (const auto segment : body.parts()->segments())
            text.append("segment ").append(text_of(segment)).append("\n");
        }
        ++submitted;
        is_open = false;
        awaits_ = true;
        if (replies_at_once) {
          awaits_ = false;
          machine.on_replied(true, now);
        }
        break;
      }
      case kind::reply_problem:
        text.append("problem ")
            .append(std::to_string(machine.failure_status()))
            .append(" ")
            .append(machine.failure().message())
            .append("\n");
        ++problems;
        is_open = false;
        machine.on_replied(true, now);
        break;
      case kind::cancel:
        ++cancels;
        break;
      case kind::look_for_end:
        ++looks;
        if (ends_) machine.on_end();
        break;
      case kind::shut_sending:
        text += "shut\n";
        break;
      case kind::close:
        text += "close\n";
        is_closed = true;
        is_open = false;
        break;
    }
    return true;
  }

  [[nodiscard]] bool awaits() const { return awaits_; }
  [[nodiscard]] std::size_t unread() const { return sent_.size(); }

  modal::limits bounds;
  modal::buffer_pool pool;
  modal::time_point now{std::chrono::hours(1)};
  machine_t machine;

  // What the handler does.
  std::function<bool(const modal::detail::request_head&)> lets_in =
      [](const modal::detail::request_head&) { return true; };
  machine_t::terms terms{.deadline = modal::never, .most_bytes = 1 << 16};
  memory has_memory = memory::granted;
  segment_store segments{3000};
  bool replies_at_once = true;
  std::function<void(std::size_t)> on_action;  ///< with the number of actions so far

  // What came of it.
  std::string text;
  std::vector<kind> actions;
  std::vector<std::size_t> asked;
  int opened = 0;
  int submitted = 0;
  int problems = 0;
  int refused = 0;
  int cancels = 0;
  int continues = 0;
  int workings = 0;
  int looks = 0;
  bool is_open = false;  ///< a request was let in, and neither submitted nor ended
  bool is_closed = false;

 private:
  static std::string_view text_of(modal::bytes_view bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  void open() {
    const auto& head = machine.head();
    text.append(head.method).append(" ").append(head.target).append("\n");
    for (const auto& [name, value] : head.fields)
      text.append(name).append(": ").append(value).append("\n");
    ++opened;
    if (lets_in(head)) {
      is_open = true;
      return machine.admit(terms, now);
    }
    text += "refused\n";
    ++refused;
    machine.refuse();
    machine.on_replied(true, now);
  }
  void ask_memory(std::size_t total) {
    asked.push_back(total);
    switch (has_memory) {
      case memory::granted:
        return machine.grant(total, now);
      case memory::paused:
        waits_for_ = total;
        return machine.pause(now);
      case memory::refused:
        return machine.fail({modal::errc::too_large, "no"});
    }
  }
  /// Reads, if there is something to read and it is wanted. Returns whether that was so.
  bool read() {
    const auto room = machine.prepare();
    if (room.empty() || (sent_.empty() && !ends_)) return false;
    if (sent_.empty()) {
      machine.on_end();
      return true;
    }
    const std::size_t size = std::min(room.size(), sent_.size());
    std::memcpy(room.data(), sent_.data(), size);
    sent_.erase(0, size);
    machine.on_bytes(size, now);
    return true;
  }

  std::string sent_;
  bool ends_ = false;
  bool awaits_ = false;
  std::optional<std::size_t> waits_for_;
};

}  // namespace test
