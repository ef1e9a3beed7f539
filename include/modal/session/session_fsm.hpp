// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/clock.hpp>
#include <modal/base/error.hpp>
#include <modal/base/rate_guard.hpp>
#include <modal/session/frames.hpp>
#include <modal/session/outbox.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace modal::detail {

/// Which end of a session this is.
enum class session_side : std::uint8_t { caller, executor };

/// How one end of a session is bound.
struct session_config {
  session_side side = session_side::caller;
  session_hello own;  ///< what it says of itself
  duration hello_timeout =
      never - time_point{};  ///< for the other end's hello, and any small frame
  duration transfer_timeout = never - time_point{};  ///< for progress where some is due
  duration idle_timeout = never - time_point{};      ///< of a session without calls
  /// The least rate of what the other end has credit for, and of what it takes; none: any.
  std::optional<rate_guard> rate{};
};

/// One end of a session, without socket, clock or thread: it is told what happened and what time it
/// is, `next` says what came of it, and `batch` what to write. One thread at a time, save that one
/// may write a batch meanwhile.
///
///     call ──▶ (segments, as there is credit) ──▶ given ──┐
///       │                                                 ├──▶ the number is free again
///       └────▶ result ──▶ (segments) ──▶ answered ────────┘
///              error ──────────────────▶ answered
///
/// A caller gives each call a number that no other one has, below what the executor allows. Each is
/// answered once, also one that is cancelled; and its arguments end: all have come, or `cancel`
/// has.
class session_fsm {
 public:
  struct event {
    enum class kind : std::uint8_t {
      wait,    ///< nothing, until something happens
      ready,   ///< the other end has said what it is like: `peer()`
      call,    ///< executor: `incoming_call()`, and `bytes`, the first ones of its payload
      result,  ///< caller: `incoming_result()`, and `bytes`, as above
      error,   ///< caller: the call has failed: `status`, and `bytes`, its problem document
      piece,   ///< `bytes` of a payload
      cancel,  ///< executor: nobody waits for the call any more
      sent,    ///< all of the payload is out, or of no use: its memory is not looked at any more
      going,   ///< the other end takes no new calls; those that it never saw follow as `unseen`
      unseen,  ///< caller: the executor has not looked at this call, which is over
      over,    ///< the session has ended: `failure()`. Write what is left, and close
    } what = kind::wait;
    std::uint32_t call = 0;
    std::uint32_t function = 0;  ///< its number; of a `call` that has a name: 0
    bytes_view bytes{};          ///< until the next call of `prepare`
    int status = 0;
    bool is_last = true;  ///< of `call`, `result`, `piece`: the payload is here
  };
  using kind = event::kind;

  /// @param now when the session began.
  session_fsm(session_config config, time_point now);

  // What comes in.

  /// Returns where a read is to put bytes. Throws `std::bad_alloc`.
  [[nodiscard]] mutable_bytes_view prepare();
  /// A read has put `size` bytes there; at least one.
  void on_bytes(std::size_t size, time_point now);
  /// The other end has closed its side, or is gone.
  void on_end();
  /// Returns what happened next; asked again until that is `wait` or `over`. Throws
  /// `std::bad_alloc`.
  event next();

  /// Bytes of a payload that a read may put where they belong, before those of `prepare`.
  struct direct_read {
    std::uint32_t call = 0;
    std::size_t left = 0;  ///< none: there are none now
  };
  [[nodiscard]] direct_read direct() const noexcept;
  /// A read has put so many of them there. @return whether the payload is here.
  bool note_direct(std::size_t size, time_point now) noexcept;

  [[nodiscard]] const session_hello& peer() const noexcept { return peer_; }
  [[nodiscard]] bool is_ready() const noexcept { return is_ready_; }
  [[nodiscard]] const frame_call& incoming_call() const noexcept { return incoming_call_; }
  [[nodiscard]] const frame_result& incoming_result() const noexcept { return incoming_result_; }
  [[nodiscard]] const error& failure() const noexcept { return *failure_; }
  [[nodiscard]] bool is_over() const noexcept { return failure_.has_value(); }
  /// Returns whether no new calls are taken: one of the two has said that it goes.
  [[nodiscard]] bool is_going() const noexcept { return is_going_ || peer_is_going_; }

  // What goes out. What is thrown is `std::bad_alloc`, and then nothing has changed.

  /// Caller: returns whether there is a number for one more call.
  [[nodiscard]] bool may_begin() const noexcept;
  /// Caller: sends a call. @param function its number; 0: by its name. @param parts of its payload,
  /// of `size` bytes: what is not copied at once must live until the call is `sent`, cancelled or
  /// over. @return its number; nothing where it may not begin.
  std::optional<std::uint32_t> begin_call(const call_head& head, std::uint32_t function,
                                          std::span<const bytes_view> parts, std::uint64_t size,
                                          time_point now);
  /// Caller: nobody waits for it any more: it is over for its owner. Its memory is not looked at
  /// once it `is_sent`, which is at once unless somebody is writing a batch.
  void cancel_call(std::uint32_t call);
  /// Executor: answers a call. As `begin_call`; the memory must live until it is `sent`, where that
  /// is not so when this returns: see `is_sent`.
  void send_result(std::uint32_t call, std::uint32_t function, const executor_report& report,
                   std::string_view device_text, std::span<const bytes_view> parts,
                   std::uint64_t size);
  /// Executor: the call has failed; a result that has begun ends with that, and its memory as in
  /// `cancel_call`.
  void send_error(std::uint32_t call, std::uint32_t function, int status, std::string_view problem);
  /// Lets the other end send `bytes` more of a payload, for which there is room.
  void allow(std::uint32_t call, std::uint64_t bytes);
  /// Says that no new calls are taken, which has a reason. Once.
  void go_away(std::string_view why, time_point now);
  /// Ends the session, and says why.
  void fail(error reason);

  [[nodiscard]] bool is_sent(std::uint32_t call) const noexcept;
  /// Returns how many bytes of its incoming payload are to come.
  [[nodiscard]] std::uint64_t left_of(std::uint32_t call) const noexcept;
  /// Returns how many of those it has credit for.
  [[nodiscard]] std::uint64_t credit_of(std::uint32_t call) const noexcept;

  [[nodiscard]] bool has_output() const noexcept { return out_.has_output() || owes_pong_; }
  [[nodiscard]] std::size_t backlog() const noexcept { return out_.backlog(); }
  std::span<const bytes_view> batch();
  void note_written(std::size_t size, time_point now) noexcept;
  /// The socket takes nothing now.
  void on_blocked(time_point now) noexcept;

  // Time.

  [[nodiscard]] time_point due() const noexcept;
  /// This end does not read now, as there is too much to write: what the other one sends is not
  /// late.
  void hold(time_point now) noexcept;
  /// Time has passed: `due` is over, perhaps. Throws `std::bad_alloc`.
  void on_time(time_point now);

  [[nodiscard]] std::size_t open_calls() const noexcept { return open_; }
  /// Executor: returns whether some call is not answered, or not to its last byte.
  [[nodiscard]] bool owes_answers() const noexcept;
  /// Returns whether nothing is under way, in either direction.
  [[nodiscard]] bool is_idle() const noexcept {
    return is_ready_ && open_ == 0 && !has_output() && input_begin_ == input_end_;
  }
  [[nodiscard]] time_point idle_since() const noexcept { return idle_since_; }
  /// Gives memory back that is not needed while nothing happens.
  void trim() noexcept;

 private:
  struct stream {
    bool is_open = false;
    bool is_given = false;             ///< no more arguments come, or go
    bool is_answered = false;          ///< no more of an answer comes, or goes
    bool has_result = false;           ///< its answer has begun
    bool is_forgotten = false;         ///< its owner was told, or does not want to be
    bool is_awaited = false;           ///< `sent` is owed
    bool is_cancelled = false;         ///< nobody gives credit for its answer any more
    time_point starved_since = never;  ///< its answer has no credit, or its arguments no end
    std::uint32_t ordinal = 0;         ///< of a caller's call: how many were sent before it
    std::uint64_t in_left = 0;
    std::uint64_t in_credit = 0;
    outgoing_payload out;
  };

  event read_frame(const frame_head& head, bytes_view body);
  event on_hello(const frame_head& head, bytes_view body);
  event on_call(const frame_head& head, bytes_view body);
  event on_result(const frame_head& head, bytes_view body);
  event on_error(const frame_head& head, bytes_view body);
  event on_cancel(const frame_head& head);
  event on_going(const frame_head& head, bytes_view body);
  const char* on_credit(const frame_head& head);
  const char* begin_segment(const frame_head& head);
  event take_segment();
  event next_unseen();
  event next_sent();
  event wrong(std::string why);

  stream* find(std::uint32_t call) noexcept;
  [[nodiscard]] const stream* find(std::uint32_t call) const noexcept;
  stream& make(std::uint32_t call);
  void begin(stream& which) noexcept;
  void free_if_over(std::uint32_t call, stream& which) noexcept;
  void end_arguments(std::uint32_t call, stream& which);
  void note_came(stream& which, std::size_t size) noexcept;
  void set_credit(stream& which, std::uint64_t credit) noexcept;
  void expect(stream& which, std::uint64_t bytes) noexcept;
  void expect_nothing(stream& which) noexcept;
  void say_going(std::string_view why);
  void forget_ended() noexcept;
  [[nodiscard]] time_point starved_since() const noexcept;
  void send_payload(stream& which, std::uint32_t call, std::vector<bytes_view>&& rest) noexcept;
  [[nodiscard]] bool is_caller() const noexcept { return config_.side == session_side::caller; }
  [[nodiscard]] std::size_t most_body() const noexcept {
    return config_.own.inline_bytes + most_frame_text;
  }

  const session_config config_;
  session_hello peer_;
  std::deque<stream> streams_;          ///< by number
  outbox out_;                          ///< refers to those
  std::vector<std::uint32_t> free_;     ///< caller: numbers below `streams_.size()`
  std::vector<std::uint32_t> waits_;    ///< calls of which `sent` is owed
  std::vector<std::uint32_t> unended_;  ///< executor: answered calls whose arguments have no end
  bool may_be_sent_ = false;            ///< one of those
  std::size_t open_ = 0;
  std::uint64_t owed_ = 0;   ///< bytes that have credit and have not come
  std::uint32_t calls_ = 0;  ///< that were sent, or came

  std::vector<std::byte> input_;
  std::size_t input_begin_ = 0;
  std::size_t input_end_ = 0;
  std::size_t wanted_ = frame_head_bytes;  ///< bytes of the frame that has begun
  std::size_t segment_left_ = 0;
  std::size_t skip_left_ = 0;  ///< padding of a segment
  std::uint32_t segment_of_ = 0;
  frame_call incoming_call_;
  frame_result incoming_result_;

  bool is_ready_ = false;
  bool is_going_ = false;
  bool peer_is_going_ = false;
  bool has_ended_ = false;  ///< the other end sends no more
  bool owes_pong_ = false;
  std::uint32_t pong_ = 0;
  std::uint32_t seen_ = 0;     ///< how many of our calls an executor that goes has looked at
  std::size_t unseen_at_ = 0;  ///< which number is to be looked at next
  std::string peer_reason_;
  std::optional<error> failure_;

  time_point begun_at_;
  time_point heard_at_;
  time_point pinged_at_ = never;
  time_point frame_since_ = never;     ///< a small frame has begun to come
  time_point blocked_since_ = never;   ///< since when nothing was taken
  time_point expected_since_ = never;  ///< since when nothing came of what is owed
  time_point idle_since_;
  std::optional<rate_guard> in_rate_;
  std::optional<rate_guard> out_rate_;
};

}  // namespace modal::detail
