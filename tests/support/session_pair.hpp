// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/session/session_fsm.hpp>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// @file
/// Two ends of a session, whose bytes are moved by hand: a caller of calls, and an executor that
/// answers each with its own arguments.

namespace test {

using modal::bytes_view;
using modal::detail::session_fsm;
using session_kind = session_fsm::kind;

inline std::string text_of(bytes_view bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline bytes_view bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

inline modal::detail::session_config session_config_of(modal::detail::session_side side) {
  using namespace std::chrono_literals;
  modal::detail::session_config config;
  config.side = side;
  config.own.calls = side == modal::detail::session_side::executor ? 8 : 0;
  config.own.inline_bytes = 1024;
  config.own.segment_bytes = 1024;
  config.own.payload_bytes = 1 << 20;
  config.own.credit = side == modal::detail::session_side::caller ? 512 : 0;
  config.own.silence_ms = 1000;
  config.hello_timeout = 10s;
  config.transfer_timeout = 30s;
  config.idle_timeout =
      side == modal::detail::session_side::executor ? modal::duration(75s) : modal::duration::max();
  return config;
}

/// What became of a call.
struct session_outcome {
  enum class kind { none, result, failed, unseen, cancelled, lost } what = kind::none;
  std::string text;
  int times = 0;  ///< it was told so often
  std::string arguments;
  std::vector<std::string> parts;  ///< of the arguments, as they were sent
  bool is_sent = true;
  std::optional<std::uint32_t> number;
};

/// An executor's application: gives credit as it likes, and answers.
struct echo_executor {
  explicit echo_executor(session_fsm& of) : machine(of) {}

  struct incoming {
    std::string arguments;
    std::string function;
    bool is_answered = false;
  };

  // Returns whether anything happened.
  bool take(modal::time_point) {
    bool has_happened = false;
    for (;;) {
      const auto told = machine.next();
      if (told.what == session_kind::wait) return has_happened;
      if (told.what == session_kind::over)
        return std::exchange(is_over, true) ? has_happened : true;
      has_happened = true;
      switch (told.what) {
        case session_kind::call: {
          incoming made{text_of(told.bytes), machine.incoming_call().head.function, false};
          ++calls;
          under_way[told.call] = std::move(made);
          if (told.is_last)
            answer(told.call);
          else if (under_way[told.call].function == "refused")
            refuse(told.call, 503);
          else
            machine.allow(told.call, credit_step);
          break;
        }
        case session_kind::piece:
          under_way[told.call].arguments += text_of(told.bytes);
          if (told.is_last)
            answer(told.call);
          else if (machine.credit_of(told.call) == 0)
            machine.allow(told.call, credit_step);
          break;
        case session_kind::cancel:
          std::erase(held, told.call);
          if (!under_way[told.call].is_answered) refuse(told.call, 499);
          break;
        case session_kind::sent:
          results.erase(told.call);
          break;
        default:
          break;
      }
    }
  }

  void answer(std::uint32_t call) {
    if (holds_answers) {
      held.push_back(call);
      return;
    }
    incoming& which = under_way[call];
    which.is_answered = true;
    if (which.function == "fails") return refuse(call, 500);
    auto text = std::make_shared<std::string>(which.arguments);
    // In parts, as results are: a small one, and what may be large.
    std::vector<bytes_view> parts;
    const std::size_t first = std::min<std::size_t>(text->size(), 100);
    parts.push_back(bytes_of(*text).first(first));
    parts.push_back(bytes_of(*text).subspan(first));
    machine.send_result(call, 7, {}, {}, parts, text->size());
    if (!machine.is_sent(call)) results[call] = std::move(text);
  }
  void answer_held() {
    holds_answers = false;
    for (const auto each : std::exchange(held, {}))
      if (!under_way[each].is_answered) answer(each);
  }
  void refuse(std::uint32_t call, int status) {
    under_way[call].is_answered = true;
    machine.send_error(call, 0, status, "no");
  }

  session_fsm& machine;
  std::uint64_t credit_step = 700;
  bool holds_answers = false;
  std::vector<std::uint32_t> held;
  std::map<std::uint32_t, incoming> under_way;
  std::map<std::uint32_t, std::shared_ptr<std::string>> results;
  int calls = 0;
  bool is_over = false;
};

/// A caller's application.
struct echo_caller {
  explicit echo_caller(session_fsm& of) : machine(of) {}

  /// Returns which of `outcomes` it is; nothing where no more calls may be under way.
  std::optional<std::size_t> call(std::string function, std::string arguments,
                                  modal::time_point now) {
    auto made = std::make_unique<session_outcome>();
    made->arguments = std::move(arguments);
    const std::size_t first = std::min<std::size_t>(made->arguments.size(), 50);
    const std::vector<bytes_view> parts{bytes_of(made->arguments).first(first),
                                        bytes_of(made->arguments).subspan(first)};
    modal::call_head head;
    head.id = modal::call_id::random();
    head.function = std::move(function);
    head.timeout = std::chrono::seconds(1);
    made->number = machine.begin_call(head, 0, parts, made->arguments.size(), now);
    if (!made->number) return std::nullopt;
    made->is_sent = machine.is_sent(*made->number);
    of_number[*made->number] = outcomes.size();
    outcomes.push_back(std::move(made));
    return outcomes.size() - 1;
  }
  void cancel(std::size_t which) {
    session_outcome& found = *outcomes[which];
    if (found.times != 0) return;
    machine.cancel_call(*found.number);
    of_number.erase(*found.number);
    end(found, session_outcome::kind::cancelled);
  }

  bool take(modal::time_point) {
    bool has_happened = false;
    for (;;) {
      const auto told = machine.next();
      if (told.what == session_kind::wait) return has_happened;
      if (told.what == session_kind::over) {
        if (std::exchange(is_over, true)) return has_happened;
        for (const auto& [number, which] : std::exchange(of_number, {}))
          end(*outcomes[which], session_outcome::kind::lost);
        return true;
      }
      has_happened = true;
      if (told.what == session_kind::ready || told.what == session_kind::going) continue;
      const auto found = of_number.find(told.call);
      if (told.what == session_kind::sent) {
        if (found != of_number.end()) outcomes[found->second]->is_sent = true;
        continue;
      }
      if (found == of_number.end()) std::abort();  // of a call that nobody has made
      session_outcome& which = *outcomes[found->second];
      switch (told.what) {
        case session_kind::result:
        case session_kind::piece:
          which.text += text_of(told.bytes);
          if (told.is_last) {
            of_number.erase(found);
            end(which, session_outcome::kind::result);
          } else if (machine.credit_of(told.call) == 0) {
            machine.allow(told.call, 900);
          }
          break;
        case session_kind::error:
          which.text = text_of(told.bytes);
          of_number.erase(found);
          end(which, session_outcome::kind::failed);
          break;
        case session_kind::unseen:
          of_number.erase(found);
          end(which, session_outcome::kind::unseen);
          break;
        default:
          std::abort();
      }
    }
  }

  static void end(session_outcome& which, session_outcome::kind how) {
    which.what = how;
    ++which.times;
  }

  session_fsm& machine;
  std::vector<std::unique_ptr<session_outcome>> outcomes;
  std::map<std::uint32_t, std::size_t> of_number;
  bool is_over = false;
};

/// Both, and what is between them.
class session_pair {
 public:
  explicit session_pair(modal::detail::session_config caller_config =
                            session_config_of(modal::detail::session_side::caller),
                        modal::detail::session_config executor_config =
                            session_config_of(modal::detail::session_side::executor))
      : at_caller(std::move(caller_config), now),
        at_executor(std::move(executor_config), now),
        caller(at_caller),
        executor(at_executor) {}

  /// Moves at most so many bytes in one direction. Returns how many.
  static std::size_t move(session_fsm& from, session_fsm& to, std::size_t most,
                          modal::time_point now) {
    if (!from.has_output()) return 0;
    const auto parts = from.batch();
    std::size_t moved = 0;
    for (const bytes_view part : parts) {
      bytes_view left = part.first(std::min(part.size(), most - moved));
      moved += left.size();
      while (!left.empty()) {
        const auto room = to.prepare();
        const std::size_t size = std::min(room.size(), left.size());
        if (size == 0) std::abort();  // it would stand still
        std::memcpy(room.data(), left.data(), size);
        left = left.subspan(size);
        to.on_bytes(size, now);
        pump_one(to);
      }
      if (moved == most) break;
    }
    from.note_written(moved, now);
    return moved;
  }

  /// Moves bytes, at most `step` at a time, until nothing happens any more.
  void settle(std::size_t step = SIZE_MAX) {
    for (;;) {
      bool has_happened = false;
      current = this;
      has_happened |= move(at_caller, at_executor, step, now) != 0;
      has_happened |= executor.take(now);
      has_happened |= move(at_executor, at_caller, step, now) != 0;
      has_happened |= caller.take(now);
      if (!has_happened) return;
    }
  }

  // Whoever takes bytes in looks at them before there is room for more.
  static void pump_one(session_fsm& to) {
    if (&to == &current->at_executor)
      current->executor.take(current->now);
    else
      current->caller.take(current->now);
  }

  modal::time_point now{std::chrono::seconds{1000}};
  session_fsm at_caller;
  session_fsm at_executor;
  echo_caller caller;
  echo_executor executor;
  static inline session_pair* current = nullptr;
};

}  // namespace test
