// SPDX-License-Identifier: Apache-2.0
// What comes in on a session; session_send.ipp has what goes out, and time.
#include <modal/session/session_fsm.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace modal::detail {
namespace {

constexpr std::size_t first_input = 4 << 10;

}  // namespace

session_fsm::session_fsm(session_config config, time_point now)
    : config_(std::move(config)),
      begun_at_(now),
      heard_at_(now),
      idle_since_(now),
      in_rate_(config_.rate),
      out_rate_(config_.rate) {
  std::vector<std::byte> hello;
  write_hello(hello, config_.own);
  std::byte* const body = out_.add({.size = static_cast<std::uint32_t>(hello.size()),
                                    .kind = frame_kind::hello,
                                    .value = session_version});
  std::copy(hello.begin(), hello.end(), body);
}

// ---- Bytes

// What is read at once grows with what comes at once.
mutable_bytes_view session_fsm::prepare() {
  if (input_begin_ == input_end_) input_begin_ = input_end_ = 0;
  const std::size_t most = std::max(frame_bytes(most_body()), first_input);
  const bool is_full = input_begin_ == 0 && input_end_ == input_.size();
  if (input_.size() < wanted_ || is_full)
    input_.resize(std::clamp(2 * input_.size(), std::max(wanted_, first_input), most));
  // A frame is looked at in one piece; and a few bytes more are not worth a read.
  if (input_begin_ != 0 &&
      (input_begin_ + wanted_ > input_.size() || input_.size() - input_end_ < input_.size() / 4)) {
    std::memmove(input_.data(), input_.data() + input_begin_, input_end_ - input_begin_);
    input_end_ -= input_begin_;
    input_begin_ = 0;
  }
  return mutable_bytes_view(input_).subspan(input_end_);
}

void session_fsm::on_bytes(std::size_t size, time_point now) {
  input_end_ += size;
  heard_at_ = now;
  pinged_at_ = never;
}

void session_fsm::on_end() { has_ended_ = true; }

session_fsm::direct_read session_fsm::direct() const noexcept {
  if (segment_left_ == 0 || input_begin_ != input_end_) return {};
  const stream* const to = find(segment_of_);
  if (to == nullptr || to->is_forgotten) return {};
  return {segment_of_, segment_left_};
}

bool session_fsm::note_direct(std::size_t size, time_point now) noexcept {
  heard_at_ = now;
  pinged_at_ = never;
  segment_left_ -= size;
  stream& to = *find(segment_of_);
  note_came(to, size);
  const bool is_last = to.in_left == 0;
  free_if_over(segment_of_, to);
  return is_last;
}

// A stream's bytes have come: those of arguments that are all here are given.
void session_fsm::note_came(stream& which, std::size_t size) noexcept {
  which.in_left -= size;
  set_credit(which, which.in_credit - size);
  expected_since_ = heard_at_;
  if (in_rate_) in_rate_->add(size);
  if (which.in_left != 0) return;
  (is_caller() ? which.is_answered : which.is_given) = true;
}

// ---- Frames

session_fsm::event session_fsm::next() {
  for (;;) {
    if (failure_) return {.what = kind::over};
    if (auto out = next_sent(); out.what != kind::wait) return out;
    if (peer_is_going_ && is_caller())
      if (auto gone = next_unseen(); gone.what != kind::wait) return gone;
    if (segment_left_ != 0) {
      const auto part = take_segment();
      if (part.what != kind::wait) return part;
      if (segment_left_ != 0) break;
      continue;
    }
    const std::size_t here = input_end_ - input_begin_;
    if (skip_left_ != 0) {
      const std::size_t skipped = std::min(skip_left_, here);
      input_begin_ += skipped;
      skip_left_ -= skipped;
      if (skip_left_ != 0) break;
      continue;
    }
    wanted_ = frame_head_bytes;
    if (here < frame_head_bytes) break;
    frame_head head;
    if (!read_frame_head(input_.data() + input_begin_, head))
      return wrong("a frame's reserved bytes are not zero");
    if (!is_ready_ && head.kind != frame_kind::hello) return wrong("the first frame is no hello");
    if (head.kind == frame_kind::segment) {
      if (const char* const why = begin_segment(head)) return wrong(why);
      input_begin_ += frame_head_bytes;
      frame_since_ = never;
      continue;
    }
    if (head.size > most_body()) return wrong("a frame is longer than this end takes");
    wanted_ = frame_bytes(head.size);
    if (here < wanted_) break;
    const bytes_view body(input_.data() + input_begin_ + frame_head_bytes, head.size);
    const auto told = read_frame(head, body);
    if (failure_) return {.what = kind::over};
    input_begin_ += wanted_;
    wanted_ = frame_head_bytes;
    frame_since_ = never;
    if (told.what != kind::wait) return told;
  }
  const bool has_begun = segment_left_ == 0 && input_begin_ != input_end_;
  if (!has_begun)
    frame_since_ = never;
  else if (frame_since_ == never)
    frame_since_ = heard_at_;
  if (has_ended_) {
    std::string why =
        is_caller() ? "the executor ended the session" : "the caller ended the session";
    if (has_begun || segment_left_ != 0) why += " within a frame";
    if (!peer_reason_.empty()) why += ": " + peer_reason_;
    failure_ = error(errc::connection_lost, std::move(why));
    return {.what = kind::over};
  }
  return {};
}

session_fsm::event session_fsm::read_frame(const frame_head& head, bytes_view body) {
  const auto only = [this](session_side side, const char* what) -> std::optional<event> {
    if (config_.side == side) return std::nullopt;
    return wrong(std::string("it sends a ") + what + ", which is for the other end");
  };
  switch (head.kind) {
    case frame_kind::hello:
      return on_hello(head, body);
    case frame_kind::call:
      if (auto bad = only(session_side::executor, "call")) return *bad;
      return on_call(head, body);
    case frame_kind::result:
      if (auto bad = only(session_side::caller, "result")) return *bad;
      return on_result(head, body);
    case frame_kind::error:
      if (auto bad = only(session_side::caller, "error")) return *bad;
      return on_error(head, body);
    case frame_kind::cancel:
      if (auto bad = only(session_side::executor, "cancel")) return *bad;
      return on_cancel(head);
    case frame_kind::credit:
      if (const char* const why = on_credit(head)) return wrong(why);
      return {};
    case frame_kind::ping:
      owes_pong_ = true;  // one for all that came: nobody can make us write without an end
      pong_ = head.value;
      return {};
    case frame_kind::pong:
      return {};  // that bytes came is all that counts
    case frame_kind::go_away:
      return on_going(head, body);
    case frame_kind::segment:
      break;  // never comes here
  }
  if (static_cast<std::uint8_t>(head.kind) >= first_optional_kind) return {};
  return wrong("a frame has the unknown kind " + std::to_string(static_cast<int>(head.kind)));
}

session_fsm::event session_fsm::on_hello(const frame_head& head, bytes_view body) {
  if (is_ready_) return wrong("a second hello");
  if (head.value != session_version) {
    fail(error(errc::unsupported_feature,
               "the other end speaks version " + std::to_string(head.value) +
                   " of sessions, this one " + std::to_string(session_version)));
    return {.what = kind::over};
  }
  auto read = read_hello(body);
  if (!read) return wrong(read.error().message());
  if (!read->unknown_required.empty()) {
    fail(error(errc::unsupported_feature,
               "the other end requires '" + read->unknown_required + "', which this one lacks"));
    return {.what = kind::over};
  }
  peer_ = *std::move(read);
  // A peer that would take more gets no more: it is copied, and nothing counts it.
  peer_.inline_bytes = std::min(peer_.inline_bytes, most_inline);
  is_ready_ = true;
  return {.what = kind::ready};
}

session_fsm::event session_fsm::on_call(const frame_head& head, bytes_view body) {
  if (head.call >= config_.own.calls)
    return wrong("a call has the number " + std::to_string(head.call) + ", and " +
                 std::to_string(config_.own.calls) + " are allowed");
  if (is_going_) return {};  // the caller learns that it was not looked at
  if (const stream* const other = find(head.call); other != nullptr && other->is_open)
    return wrong("a call has the number of one that is under way");
  if (const char* const why = read_call_frame(body, head.flags, incoming_call_)) return wrong(why);
  const bytes_view front = body.subspan(incoming_call_.payload_at);
  const bool has_more = (head.flags & frame_has_more) != 0;
  if (has_more ? front.size() >= incoming_call_.size : front.size() != incoming_call_.size)
    return wrong("a call's payload has another size than it says");
  stream& made = make(head.call);
  begin(made);
  ++calls_;
  expect(made, incoming_call_.size - front.size());
  made.is_given = !has_more;
  return {.what = kind::call,
          .call = head.call,
          .function = head.value,
          .bytes = front,
          .is_last = !has_more};
}

session_fsm::event session_fsm::on_result(const frame_head& head, bytes_view body) {
  stream* const to = find(head.call);
  if (to == nullptr || !to->is_open) return wrong("a result of no call");
  if (to->is_answered || to->has_result) return wrong("a second answer of one call");
  if (const char* const why = read_result_frame(body, incoming_result_)) return wrong(why);
  const bytes_view front = body.subspan(incoming_result_.payload_at);
  const bool has_more = (head.flags & frame_has_more) != 0;
  if (has_more ? front.size() >= incoming_result_.size : front.size() != incoming_result_.size)
    return wrong("a result's payload has another size than it says");
  end_arguments(head.call, *to);
  to->has_result = true;
  expect(*to, incoming_result_.size - front.size());
  to->is_answered = !has_more;
  const bool is_told = !to->is_forgotten;
  free_if_over(head.call, *to);
  if (!is_told) return {};
  return {.what = kind::result,
          .call = head.call,
          .function = head.value,
          .bytes = front,
          .is_last = !has_more};
}

session_fsm::event session_fsm::on_error(const frame_head& head, bytes_view body) {
  stream* const to = find(head.call);
  if (to == nullptr || !to->is_open) return wrong("an error of no call");
  if (to->is_answered) return wrong("a second answer of one call");
  if (body.size() < 8) return wrong("an error without a status");
  std::uint32_t status = 0;
  std::memcpy(&status, body.data(), sizeof status);
  end_arguments(head.call, *to);
  expect_nothing(*to);
  to->is_answered = true;
  const bool is_told = !to->is_forgotten;
  free_if_over(head.call, *to);
  if (!is_told) return {};
  return {.what = kind::error,
          .call = head.call,
          .function = head.value,
          .bytes = body.subspan(8),
          .status = static_cast<int>(std::min<std::uint32_t>(status, 999))};
}

session_fsm::event session_fsm::on_cancel(const frame_head& head) {
  stream* const which = find(head.call);
  if (which == nullptr || !which->is_open) return {};  // its answer is on the way
  expect_nothing(*which);
  which->is_given = which->is_cancelled = true;
  const bool is_told = !which->is_forgotten;
  // A result that has begun would wait for credit without an end.
  // One of which the last is just being written is whole.
  if (which->has_result && which->out.left() != 0) send_error(head.call, 0, status_cancelled, {});
  free_if_over(head.call, *which);
  if (!is_told) return {};
  return {.what = kind::cancel, .call = head.call};
}

session_fsm::event session_fsm::on_going(const frame_head& head, bytes_view body) {
  if (peer_is_going_) return wrong("it goes away twice");
  peer_is_going_ = true;
  peer_reason_.assign(reinterpret_cast<const char*>(body.data()),
                      std::min<std::size_t>(body.size(), 1024));
  seen_ = head.value;
  unseen_at_ = 0;
  return {.what = kind::going, .bytes = body};
}

const char* session_fsm::on_credit(const frame_head& head) {
  stream* const to = find(head.call);
  if (to == nullptr || !to->is_open) return nullptr;  // it has ended meanwhile
  if (!is_caller() && !to->is_awaited) return nullptr;
  if (head.value != 0) to->starved_since = never;
  return out_.allow(to->out, head.value) ? nullptr : "more credit than there can be";
}

const char* session_fsm::begin_segment(const frame_head& head) {
  stream* const to = find(head.call);
  if (head.size == 0 || head.size > config_.own.segment_bytes) return "a segment of a wrong size";
  if (to == nullptr || !to->is_open || to->in_left == 0)
    return "a segment of a payload that has no more bytes";
  if (is_caller() && !to->has_result) return "a segment before its result";
  if (head.size > to->in_left) return "a segment beyond its payload";
  if (head.size > to->in_credit) return "a segment beyond its credit";
  segment_of_ = head.call;
  segment_left_ = head.size;
  skip_left_ = frame_bytes(head.size) - frame_head_bytes - head.size;
  return nullptr;
}

session_fsm::event session_fsm::take_segment() {
  const std::size_t size = std::min(segment_left_, input_end_ - input_begin_);
  if (size == 0) return {};
  const bytes_view bytes(input_.data() + input_begin_, size);
  input_begin_ += size;
  segment_left_ -= size;
  stream& to = *find(segment_of_);
  const bool is_told = !to.is_forgotten;
  note_came(to, size);
  const bool is_last = to.in_left == 0;
  free_if_over(segment_of_, to);
  if (!is_told) return {};
  return {.what = kind::piece, .call = segment_of_, .bytes = bytes, .is_last = is_last};
}

// What an executor that goes has not looked at is over, and has not run.
session_fsm::event session_fsm::next_unseen() {
  for (; unseen_at_ < streams_.size(); ++unseen_at_) {
    stream& each = streams_[unseen_at_];
    if (!each.is_open || each.is_answered || each.has_result) continue;
    if (static_cast<std::int32_t>(each.ordinal - seen_) < 0) continue;
    const bool is_told = !each.is_forgotten;
    out_.drop(each.out);
    each.is_given = each.is_answered = true;
    may_be_sent_ = true;
    const auto call = static_cast<std::uint32_t>(unseen_at_);
    free_if_over(call, each);
    if (is_told) return {.what = kind::unseen, .call = call};
  }
  return {};
}

session_fsm::event session_fsm::wrong(std::string why) {
  fail(error(is_caller() ? errc::bad_response : errc::malformed_request, std::move(why)));
  return {.what = kind::over};
}

// ---- Streams

session_fsm::stream* session_fsm::find(std::uint32_t call) noexcept {
  return call < streams_.size() ? &streams_[call] : nullptr;
}
const session_fsm::stream* session_fsm::find(std::uint32_t call) const noexcept {
  return call < streams_.size() ? &streams_[call] : nullptr;
}

session_fsm::stream& session_fsm::make(std::uint32_t call) {
  while (streams_.size() <= call) {
    if (is_caller() && free_.capacity() <= streams_.size()) free_.reserve(2 * streams_.size() + 4);
    streams_.emplace_back();
  }
  return streams_[call];
}

void session_fsm::begin(stream& which) noexcept {
  which.is_open = true;
  which.is_given = which.is_answered = which.has_result = false;
  which.is_forgotten = which.is_awaited = which.is_cancelled = false;
  which.starved_since = never;
  which.in_left = which.in_credit = 0;
  which.out.begin({}, 0);
  ++open_;
}

// ---- What is to come

void session_fsm::set_credit(stream& which, std::uint64_t credit) noexcept {
  const bool was_owed = owed_ != 0;
  owed_ += credit - which.in_credit;
  which.in_credit = credit;
  if (was_owed == (owed_ != 0)) return;
  expected_since_ = owed_ != 0 ? heard_at_ : never;
  if (!in_rate_) return;
  if (owed_ != 0)
    in_rate_->begin(heard_at_);
  else
    in_rate_->stop();
}

void session_fsm::expect(stream& which, std::uint64_t bytes) noexcept {
  which.in_left = bytes;
  set_credit(which, std::min<std::uint64_t>(bytes, config_.own.credit));
}

void session_fsm::expect_nothing(stream& which) noexcept {
  set_credit(which, 0);
  which.in_left = 0;
}

void session_fsm::free_if_over(std::uint32_t call, stream& which) noexcept {
  if (!which.is_open || !which.is_given || !which.is_answered || which.is_awaited) return;
  if (!outbox::is_out(which.out)) return;
  which.is_open = false;
  if (--open_ == 0) idle_since_ = heard_at_;
  if (is_caller()) free_.push_back(call);
}

void session_fsm::trim() noexcept {
  out_.trim();
  if (input_begin_ == input_end_ && segment_left_ == 0) {
    give_back(input_);
    input_begin_ = input_end_ = 0;
  }
}

}  // namespace modal::detail
