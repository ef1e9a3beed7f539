// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/bytes.hpp>
#include <modal/base/clock.hpp>
#include <modal/base/error.hpp>
#include <modal/base/limits.hpp>
#include <modal/base/rate_guard.hpp>

#include "http1/body_assembler.hpp"
#include "http1/request_reader.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace modal::detail {

/// The server's side of one HTTP/1.1 connection, without socket, clock or thread: it is told what
/// happened and what time it is, and `next` says what to do about it.
///
///       ┌────────────────────────────────────────────────┐
///       ▼          admit            whole                │ replied
///     head ──open──┬──▶ body, chunks ──submit──▶ reply ──┼──▶ discard ──▶ head
///                  └──refuse──────────────────▶ reply    └──▶ linger ──▶ closed
///
/// Requests are served one after the other. What a client sends ahead waits in `prepare`'s memory,
/// as much of it as a header may have, and behind that in the socket.
class connection_fsm {
 public:
  struct action {
    enum class kind : std::uint8_t {
      wait,           ///< nothing, until something happens
      open,           ///< decide about `head()`; then `admit` or `refuse`
      say_continue,   ///< write "100 Continue"
      say_working,    ///< write "102 Processing"
      ask_memory,     ///< for `bytes` of the body in all; then `grant`, `pause` or `fail`
      need,           ///< room for `part`; then `give`, `pause` or `fail`
      submit,         ///< `take_body()`, and await its reply; then `on_replied`
      reply_problem,  ///< write `failure()`, with `failure_status()` if not 0; then `on_replied`
      cancel,         ///< the reply that is awaited is of no use any more
      look_for_end,   ///< `on_end` if the client has gone: nothing is read that would tell
      shut_sending,   ///< nothing more is written; then `close` if that is no use
      close,
    } what = kind::wait;
    std::size_t bytes = 0;
    segment_part part{};
  };

  /// What a request that was let in is bound by.
  struct terms {
    time_point deadline = never;
    std::size_t most_bytes = 0;  ///< of its body
    bool is_payload = false;     ///< of the wire protocol, and not text
  };

  /// @param bounds lives as long as this, and so does `pool`, which bodies are taken from.
  connection_fsm(const limits& bounds, buffer_pool& pool, time_point now);

  /// Returns what is to be done now; asked again until that is `wait`.
  [[nodiscard]] action next(time_point now);

  /// Returns where a read is to put bytes; nothing where none is to be made now. Until another
  /// method than a getter is called.
  [[nodiscard]] std::span<char> prepare();
  /// A read has put `size` bytes there; at least one.
  void on_bytes(std::size_t size, time_point now);
  /// The client has closed its side, or is gone.
  void on_end();

  [[nodiscard]] const request_head& head() const noexcept { return reader_.head(); }
  /// Returns whether all of the request's body is here. For `open`.
  [[nodiscard]] bool is_complete() const noexcept;
  /// Returns what has come behind the head. For `open`, of a request without a body.
  [[nodiscard]] std::string_view behind_head() const noexcept {
    return input().substr(reader_.head_size());
  }
  /// The connection ends with the reply to the present request.
  void close_after_reply() noexcept { closes_ = true; }
  /// The request is let in, and its body wanted.
  void admit(const terms& bound, time_point now);
  /// The request is answered without its body: the reply is being written.
  void refuse();

  /// There is memory for `total` bytes of the body.
  void grant(std::size_t total, time_point now);
  /// There is room for some of the part that was asked for.
  void give(std::span<std::byte> room) noexcept { body_.give(room); }
  /// There is no memory, or no room, now: the body is not read until `resume`.
  void pause(time_point now);
  /// There may be by now: it is asked for again.
  void resume(time_point now);
  /// The body cannot be taken.
  void fail(error reason);

  [[nodiscard]] incoming_body take_body() noexcept { return body_.take(); }
  [[nodiscard]] const error& failure() const noexcept { return *failure_; }
  [[nodiscard]] int failure_status() const noexcept { return failure_status_; }

  /// A reply is written in pieces from now on, as the client takes them.
  void on_writing(time_point now);
  void on_written(std::size_t size, time_point now);
  /// The reply is out, since `now`, or could not be written.
  void on_replied(bool is_out, time_point now);

  /// Time has passed: `due` is over, perhaps.
  void on_time(time_point now);
  /// Returns when to call `on_time`.
  [[nodiscard]] time_point due(time_point now) const noexcept;

  /// Closes as soon as no reply is owed.
  void want_close() noexcept;
  /// Closes, whatever is under way.
  void close() noexcept { phase_ = phase::closed; }

  [[nodiscard]] bool awaits_reply() const noexcept { return phase_ == phase::reply; }
  /// Returns whether nothing is under way, not even a part of a request.
  [[nodiscard]] bool is_idle() const noexcept { return phase_ == phase::head && input().empty(); }
  /// Returns whether a part of a request has come, and no more than that.
  [[nodiscard]] bool has_begun() const noexcept {
    return phase_ == phase::head && !input().empty();
  }
  [[nodiscard]] time_point idle_since() const noexcept { return idle_since_; }

  // Of the reply that is awaited.
  [[nodiscard]] bool closes_after_reply() const noexcept { return closes_; }
  [[nodiscard]] bool is_head_only() const noexcept { return is_head_only_; }
  /// Returns whether an HTTP/1.0 client is to be told that the connection stays.
  [[nodiscard]] bool keeps_old_alive() const noexcept { return reader_.is_old() && !closes_; }

 private:
  enum class phase : std::uint8_t { head, opening, body, chunks, reply, discard, linger, closed };
  using kind = action::kind;

  action read_head(time_point now);
  action read_body(time_point now);
  action read_chunks(time_point now);
  action wait_for_body(time_point now);
  action await_reply();
  action discard(time_point now);
  action linger();
  void begin_linger(time_point now);
  action fail_now(error reason, int status = 0);
  std::size_t take_in(std::string_view piece);
  void on_overdue(time_point now);
  void begin_reply() noexcept;
  void make_room();
  [[nodiscard]] bool is_arriving() const noexcept {
    return phase_ == phase::body || phase_ == phase::chunks;
  }
  [[nodiscard]] std::string_view input() const noexcept {
    return {input_.data() + input_begin_, input_end_ - input_begin_};
  }

  const limits& bounds_;
  request_reader reader_;
  rate_guard rate_;
  phase phase_ = phase::head;

  std::vector<char> input_;
  std::size_t input_begin_ = 0;
  std::size_t input_end_ = 0;
  bool is_reading_body_ = false;  ///< straight into `body_`

  bool is_lost_ = false;        ///< the client is gone
  bool is_cancelled_ = false;   ///< and whoever makes the reply was told
  bool is_head_begun_ = false;  ///< the reader has seen bytes of it
  bool close_wanted_ = false;
  bool closes_ = false;
  bool is_head_only_ = false;
  bool says_continue_ = false;
  bool says_problem_ = false;
  bool shuts_sending_ = false;
  bool is_writing_ = false;

  terms terms_;
  body_assembler body_;
  std::size_t body_length_ = 0;  ///< bytes that it will have, unless it comes in chunks
  std::size_t granted_ = 0;      ///< bytes of it that there is memory for
  bool is_paused_ = false;       ///< it waits for memory, and is not read
  time_point looked_at_;         ///< when a client that waits was last looked for
  time_point told_at_;           ///< when it was last told that it waits
  std::size_t chunk_left_ = 0;   ///< bytes of the body, before anything else of its chunks

  std::uint64_t discard_left_ = 0;
  std::size_t linger_left_ = 0;
  std::optional<error> failure_;
  int failure_status_ = 0;
  time_point since_ = never;  ///< when the phase began, or last made progress
  time_point idle_since_;
};

}  // namespace modal::detail
