// SPDX-License-Identifier: Apache-2.0
#include "http1/connection_fsm.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace modal::detail {
namespace {

constexpr std::size_t first_input = 4096;
// A refused body that is smaller than this is read and dropped, to keep the connection; a larger
// one costs more than a new connection.
constexpr std::uint64_t most_discarded = 64 << 10;
// Of a large body: what memory is granted for at a time.
constexpr std::size_t body_piece = 2 << 20;
// A client that is still sending must read our answer before the connection is reset: so much and
// so long it may go on.
constexpr std::size_t most_lingered = 16 << 20;
constexpr std::chrono::seconds linger_time{2};
// Nothing is read of a client that waits for memory: now and then it is looked at whether it still
// waits, and it is told that we do not sleep, for it may have a limit for requests that stand
// still.
constexpr std::chrono::seconds paused_look{1};
constexpr std::chrono::seconds paused_word{5};

}  // namespace

connection_fsm::connection_fsm(const limits& bounds, buffer_pool& pool, time_point now)
    : bounds_(bounds),
      reader_(bounds),
      rate_(bounds),
      input_(std::min(first_input, bounds.header_bytes)),
      body_(pool),
      idle_since_(now) {}

connection_fsm::action connection_fsm::next(time_point now) {
  if (std::exchange(says_problem_, false)) {
    begin_reply();
    return {.what = kind::reply_problem};
  }
  switch (phase_) {
    case phase::head:
      return read_head(now);
    case phase::opening:
      return {};  // until somebody has decided
    case phase::body:
      return read_body(now);
    case phase::chunks:
      return read_chunks(now);
    case phase::reply:
      return await_reply();
    case phase::discard:
      return discard(now);
    case phase::linger:
      return linger();
    case phase::closed:
      break;
  }
  return {.what = kind::close};
}

connection_fsm::action connection_fsm::read_head(time_point now) {
  if (is_lost_ || close_wanted_) {
    close();
    return {.what = kind::close};
  }
  // An empty line before a request is nothing (RFC 9112 section 2.2): old clients send one behind a
  // body.
  if (!is_head_begun_)
    while (input().starts_with("\r\n")) input_begin_ += 2;
  if (input().empty()) {
    since_ = never;
    return {};
  }
  if (since_ == never) since_ = now;
  if (!is_head_begun_ && input() == "\r") return {};  // nobody knows yet what that is
  is_head_begun_ = true;
  switch (reader_.read_head(input())) {
    case request_reader::step::need_more:
      return {};
    case request_reader::step::failed:
      is_head_only_ = false;
      return fail_now(reader_.failure(), reader_.failure_status());
    case request_reader::step::done:
      break;
  }
  is_head_begun_ = false;
  since_ = never;
  closes_ = !reader_.keeps_alive();
  is_head_only_ = head().method == "HEAD";
  phase_ = phase::opening;
  return {.what = kind::open};
}

bool connection_fsm::is_complete() const noexcept {
  return !head().is_chunked &&
         head().content_length.value_or(0) <= input().size() - reader_.head_size();
}

void connection_fsm::admit(const terms& bound, time_point now) {
  const bool is_whole = is_complete();
  terms_ = bound;
  discard_left_ = 0;
  body_length_ = static_cast<std::size_t>(head().content_length.value_or(0));
  body_.begin(bound.is_payload ? body_assembler::shape::payload : body_assembler::shape::text,
              head().is_chunked ? std::nullopt : std::optional(body_length_), bound.most_bytes,
              bounds_.decode);
  chunk_left_ = 0;
  granted_ = is_whole ? body_length_ : 0;
  is_paused_ = false;
  phase_ = head().is_chunked ? phase::chunks : phase::body;
  input_begin_ += reader_.head_size();
  since_ = is_whole ? never : now;
  if (!is_whole) rate_.begin(now);
  // A client that has begun to send does not wait for it.
  says_continue_ = !is_whole && expects_continue(head()) && !reader_.is_old() &&
                   (!head().is_chunked || input().empty());
}

void connection_fsm::refuse() {
  const std::uint64_t length = head().content_length.value_or(0);
  discard_left_ = 0;
  if (!head().is_chunked && !(expects_continue(head()) && !reader_.is_old()) &&
      length <= most_discarded)
    discard_left_ = length;
  else if (head().is_chunked || length != 0)
    closes_ = true;
  input_begin_ += reader_.head_size();
  begin_reply();
}

void connection_fsm::grant(std::size_t total, time_point now) {
  if (!is_arriving() || total <= granted_) return;  // of a request that is over
  granted_ = total;
  resume(now);
}

void connection_fsm::resume(time_point now) {
  if (!is_arriving() || !std::exchange(is_paused_, false)) return;
  rate_.resume(now);
  since_ = now;
}

void connection_fsm::pause(time_point now) {
  is_paused_ = true;
  looked_at_ = told_at_ = now;
  rate_.pause(now);
}

void connection_fsm::fail(error reason) {
  failure_ = std::move(reason);
  failure_status_ = 0;
  says_problem_ = true;
  closes_ = true;
  body_.reset();
}

// Says what is wrong, and that the connection ends: nobody knows where the next request begins.
connection_fsm::action connection_fsm::fail_now(error reason, int status) {
  fail(std::move(reason));
  failure_status_ = status;
  says_problem_ = false;
  begin_reply();
  return {.what = kind::reply_problem};
}

std::size_t connection_fsm::take_in(std::string_view piece) {
  const std::size_t taken = body_.append(piece);
  rate_.add(taken);
  return taken;
}

connection_fsm::action connection_fsm::read_body(time_point now) {
  if (body_.failure()) return fail_now(*body_.failure());
  if (std::exchange(says_continue_, false)) return {.what = kind::say_continue};
  while (!body_.is_complete() && !is_paused_) {
    // Memory is taken for bytes that come, not for those that are promised.
    const std::size_t received = body_.received();
    if (input().empty() && (received == 0 || granted_ > received)) break;
    if (granted_ == received) {
      const std::size_t step = body_length_ <= body_piece ? body_length_ : body_piece;
      return {.what = kind::ask_memory, .bytes = std::min(body_length_, received + step)};
    }
    const std::size_t here = std::min(granted_ - received, input().size());
    input_begin_ += take_in(input().substr(0, here));
    if (body_.failure()) return fail_now(*body_.failure());
    if (const auto part = body_.want()) return {.what = kind::need, .part = *part};
  }
  if (!body_.is_complete()) {
    if (is_paused_ || granted_ == body_.received()) return wait_for_body(now);
    if (!body_.make_ready()) return fail_now(*body_.failure());
    if (const auto part = body_.want()) return {.what = kind::need, .part = *part};
    return wait_for_body(now);
  }
  begin_reply();
  return {.what = kind::submit};
}

connection_fsm::action connection_fsm::read_chunks(time_point now) {
  if (std::exchange(says_continue_, false)) return {.what = kind::say_continue};
  if (is_paused_) return wait_for_body(now);
  // As much of what is here as may be body at all.
  const std::size_t wanted =
      body_.memory_for(std::min(terms_.most_bytes, body_.received() + input().size()));
  if (wanted > granted_) return {.what = kind::ask_memory, .bytes = wanted};
  for (;;) {
    if (chunk_left_ != 0) {
      const std::size_t taken = take_in(input().substr(0, chunk_left_));
      input_begin_ += taken;
      chunk_left_ -= taken;
      if (body_.failure()) return fail_now(*body_.failure());
      if (chunk_left_ != 0) return {.what = kind::need, .part = body_.want().value()};
    }
    std::string_view piece;
    std::size_t used = 0;
    const auto step = reader_.read_chunk(input(), piece, used);
    input_begin_ += used - piece.size();
    chunk_left_ = piece.size();
    if (step == request_reader::step::failed)
      return fail_now(reader_.failure(), reader_.failure_status());
    if (step == request_reader::step::done) break;
    if (piece.empty()) return wait_for_body(now);
    if (piece.size() > terms_.most_bytes - body_.received())
      return fail_now(error(
          errc::too_large,
          "the body has more than " + std::to_string(terms_.most_bytes) + " bytes, the limit"));
  }
  if (!body_.end()) return fail_now(*body_.failure());
  begin_reply();
  return {.what = kind::submit};
}

connection_fsm::action connection_fsm::wait_for_body(time_point now) {
  if (is_lost_) {
    close();
    return {.what = kind::close};
  }
  if (!is_paused_) return {};
  if (now >= saturating_add(looked_at_, paused_look)) {
    looked_at_ = now;
    return {.what = kind::look_for_end};
  }
  if (now < saturating_add(told_at_, paused_word) || reader_.is_old()) return {};
  told_at_ = now;
  return {.what = kind::say_working};
}

void connection_fsm::begin_reply() noexcept {
  phase_ = phase::reply;
  since_ = never;
  is_paused_ = false;
  is_cancelled_ = false;
  rate_.stop();
}

connection_fsm::action connection_fsm::await_reply() {
  if (!is_lost_ || std::exchange(is_cancelled_, true)) return {};
  return {.what = kind::cancel};
}

void connection_fsm::on_replied(bool is_out, time_point now) {
  is_writing_ = false;
  rate_.stop();
  idle_since_ = now;
  since_ = never;
  if (is_lost_ || !is_out) return close();
  if (closes_ || close_wanted_) return begin_linger(now);
  phase_ = discard_left_ != 0 ? phase::discard : phase::head;
}

connection_fsm::action connection_fsm::discard(time_point now) {
  const auto here =
      static_cast<std::size_t>(std::min<std::uint64_t>(discard_left_, input().size()));
  input_begin_ += here;
  discard_left_ -= here;
  if (discard_left_ == 0) {
    phase_ = phase::head;
    since_ = never;
    return read_head(now);
  }
  if (is_lost_) {
    close();
    return {.what = kind::close};
  }
  if (close_wanted_) {
    begin_linger(now);
    return linger();
  }
  if (since_ == never) since_ = now;
  return {};
}

void connection_fsm::begin_linger(time_point now) {
  phase_ = phase::linger;
  linger_left_ = most_lingered;
  shuts_sending_ = true;
  since_ = now;
}

connection_fsm::action connection_fsm::linger() {
  if (std::exchange(shuts_sending_, false)) return {.what = kind::shut_sending};
  input_begin_ = input_end_;
  if (!is_lost_ && linger_left_ != 0) return {};
  close();
  return {.what = kind::close};
}

void connection_fsm::make_room() {
  if (input_begin_ == input_end_) input_begin_ = input_end_ = 0;
  if (input_end_ < input_.size()) return;
  if (input_begin_ != 0) {
    std::memmove(input_.data(), input_.data() + input_begin_, input_end_ - input_begin_);
    input_end_ -= input_begin_;
    input_begin_ = 0;
  } else if (input_.size() < bounds_.header_bytes) {
    input_.resize(std::min(2 * input_.size(), bounds_.header_bytes));
  }
}

// It is read while a call runs too, so that a client that goes away is noticed. Only where a client
// sends ahead more than a header's worth is it left to the kernel, which then holds it back.
std::span<char> connection_fsm::prepare() {
  if (is_lost_ || phase_ == phase::closed) return {};
  if (is_arriving() && is_paused_) return {};
  if (phase_ == phase::opening) return {};  // somebody looks at the head, which lies there
  std::span<char> room;
  if (phase_ == phase::body && input().empty()) {
    room = body_.room();
    room = room.first(std::min(room.size(), granted_ - body_.received()));
    // A few bytes before a next part are not worth a system call of their own.
    if (room.size() < first_input && room.size() < body_length_ - body_.received()) room = {};
  }
  is_reading_body_ = !room.empty();
  if (!is_reading_body_) {
    make_room();
    room = {input_.data() + input_end_, input_.size() - input_end_};
  }
  return room;
}

void connection_fsm::on_bytes(std::size_t size, time_point now) {
  if (is_reading_body_) {
    body_.commit(size);
    rate_.add(size);
    since_ = now;
    return;
  }
  input_end_ += size;
  if (is_arriving()) since_ = now;  // what is dropped has one time for all of it
  if (phase_ == phase::linger) linger_left_ -= std::min(linger_left_, size);
}

void connection_fsm::on_end() { is_lost_ = true; }

void connection_fsm::want_close() noexcept {
  // One that is silent has read the reply, or never will.
  const bool is_quiet = phase_ == phase::linger && linger_left_ == most_lingered;
  close_wanted_ = true;
  if (is_quiet) close();
}

void connection_fsm::on_writing(time_point now) {
  is_writing_ = true;
  since_ = now;
  rate_.begin(now);
}

void connection_fsm::on_written(std::size_t size, time_point now) {
  rate_.add(size);
  since_ = now;
}

time_point connection_fsm::due(time_point now) const noexcept {
  const time_point since = since_ == never ? now : since_;
  switch (phase_) {
    case phase::head:
      return input().empty() ? saturating_add(idle_since_, bounds_.idle_timeout)
                             : saturating_add(since, bounds_.header_timeout);
    case phase::body:
    case phase::chunks:
      if (is_paused_) return std::min(terms_.deadline, saturating_add(looked_at_, paused_look));
      return std::min(
          {saturating_add(since, bounds_.transfer_timeout), rate_.due(), terms_.deadline});
    case phase::reply:
      // A call that runs has a deadline of its own; when it is over, nobody may tell.
      if (!is_writing_) return saturating_add(now, bounds_.idle_timeout);
      return std::min(saturating_add(since, bounds_.transfer_timeout), rate_.due());
    case phase::discard:
      return saturating_add(since, bounds_.transfer_timeout);
    case phase::linger:
      return saturating_add(since, linger_time);
    case phase::opening:
    case phase::closed:
      break;
  }
  return never;
}

void connection_fsm::on_time(time_point now) {
  // A window of the rate has ended: where enough has moved, that begins the next one.
  if (now >= rate_.due()) (void)rate_.is_too_slow(now);
  const bool waits = is_arriving() && is_paused_;
  if (now >= (waits ? terms_.deadline : due(now))) on_overdue(now);
}

void connection_fsm::on_overdue(time_point now) {
  const bool is_late = is_arriving() && now >= terms_.deadline;
  if (!is_arriving() && (phase_ != phase::head || input().empty())) return close();
  if (phase_ == phase::head) is_head_only_ = false;
  error reason =
      is_late ? error(errc::deadline_exceeded, "the deadline passed while the call's body was read")
              : error(errc::malformed_request, "the request came too slowly");
  fail(std::move(reason));
  failure_status_ = is_late ? 0 : 408;
}

}  // namespace modal::detail
