// SPDX-License-Identifier: Apache-2.0
// What goes out on a session, and what is due.
#include <modal/session/session_fsm.hpp>

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace modal::detail {
namespace {

// Of a payload that is too large for one frame: parts up to this size are copied to its first one,
// so that the other end learns its layout at once. Larger ones go from where they lie.
constexpr std::size_t most_copied_part = 4 << 10;
// What is written at once where others wait for their turn, and where nobody does.
constexpr std::size_t shared_segment = 64 << 10;
constexpr std::size_t shared_batch = 128 << 10;
constexpr std::size_t lone_batch = 4 << 20;
// How many silences more the other end has to answer a ping.
constexpr int patience = 2;

// How many bytes of a payload go into its first frame.
std::size_t front_size(std::span<const bytes_view> parts, std::uint64_t size, std::size_t most) {
  if (size <= most) return static_cast<std::size_t>(size);
  std::size_t front = 0;
  for (const bytes_view each : parts) {
    if (each.size() > most_copied_part || each.size() > most - front) break;
    front += each.size();
  }
  return front;
}

// Splits the parts: the first `size` bytes, which end with a part, and the rest.
std::vector<bytes_view> rest_behind(std::span<const bytes_view> parts, std::size_t size) {
  std::size_t i = 0;
  while (i < parts.size() && (size != 0 || parts[i].empty())) size -= parts[i++].size();
  return {parts.begin() + static_cast<std::ptrdiff_t>(i), parts.end()};
}

void copy_text(std::byte* to, std::string_view text) noexcept {
  if (!text.empty()) std::memcpy(to, text.data(), text.size());
}

void copy_parts(std::byte* to, std::span<const bytes_view> parts, std::size_t size) noexcept {
  for (const bytes_view each : parts) {
    if (size == 0) return;
    if (each.empty()) continue;
    std::memcpy(to, each.data(), each.size());
    to += each.size();
    size -= each.size();
  }
}

}  // namespace

// Parts that are left go in segments; once nothing needs memory any more.
void session_fsm::send_payload(stream& which, std::uint32_t call,
                               std::vector<bytes_view>&& rest) noexcept {
  which.out.call = call;
  which.out.begin(std::move(rest), peer_.credit);
  which.is_awaited = true;
  waits_.push_back(call);
  out_.add(which.out);
}

bool session_fsm::may_begin() const noexcept {
  return !is_going() && (!free_.empty() || streams_.size() < peer_.calls);
}

std::optional<std::uint32_t> session_fsm::begin_call(const call_head& head, std::uint32_t function,
                                                     std::span<const bytes_view> parts,
                                                     std::uint64_t size, time_point now) {
  if (!may_begin()) return std::nullopt;
  const bool is_named = function == 0;
  const std::size_t front = front_size(parts, size, peer_.inline_bytes);
  const bool has_more = front < size;
  std::vector<bytes_view> rest;
  if (has_more) {
    rest = rest_behind(parts, front);
    waits_.reserve(waits_.size() + 1);
  }
  if (free_.empty()) {
    make(static_cast<std::uint32_t>(streams_.size()));
    free_.push_back(static_cast<std::uint32_t>(streams_.size() - 1));
  }
  const std::uint32_t call = free_.back();
  stream& made = streams_[call];
  const std::size_t before = call_frame_bytes(head, is_named);
  std::byte* const body = out_.add({.size = static_cast<std::uint32_t>(before + front),
                                    .kind = frame_kind::call,
                                    .flags = 0,
                                    .call = call,
                                    .value = function});
  // From here on nothing fails.
  std::uint8_t flags = write_call_frame(body, head, size, is_named);
  if (has_more) flags |= frame_has_more;
  *(body - frame_head_bytes + 5) = static_cast<std::byte>(flags);
  copy_parts(body + before, parts, front);
  free_.pop_back();
  if (open_ == 0) heard_at_ = std::max(heard_at_, now);  // it had no reason to say anything
  begin(made);
  made.ordinal = calls_++;
  made.is_given = !has_more;
  if (has_more) send_payload(made, call, std::move(rest));
  return call;
}

void session_fsm::end_arguments(std::uint32_t call, stream& which) {
  if (which.is_given || which.out.left() == 0) return;  // the last of them is just being written
  out_.add({.kind = frame_kind::cancel, .call = call});
  which.is_given = true;
  out_.drop(which.out);
  may_be_sent_ = true;
}

void session_fsm::cancel_call(std::uint32_t call) {
  stream& which = *find(call);
  if (which.is_open && !which.is_answered) {
    out_.add({.kind = frame_kind::cancel, .call = call});
    which.is_given = true;
  }
  which.is_forgotten = true;
  out_.drop(which.out);
  may_be_sent_ = true;
}

void session_fsm::send_result(std::uint32_t call, std::uint32_t function,
                              const executor_report& report, std::string_view device_text,
                              std::span<const bytes_view> parts, std::uint64_t size) {
  stream& to = *find(call);
  const std::size_t front = front_size(parts, size, peer_.inline_bytes);
  const bool has_more = front < size;
  if (to.is_cancelled && has_more) return send_error(call, function, status_cancelled, {});
  std::vector<bytes_view> rest;
  if (has_more) {
    rest = rest_behind(parts, front);
    waits_.reserve(waits_.size() + 1);
  }
  const std::size_t before = result_frame_bytes(device_text);
  std::byte* const body = out_.add({.size = static_cast<std::uint32_t>(before + front),
                                    .kind = frame_kind::result,
                                    .flags = has_more ? frame_has_more : std::uint8_t{0},
                                    .call = call,
                                    .value = function});
  write_result_frame(body, report, device_text, size);
  copy_parts(body + before, parts, front);
  to.has_result = true;
  to.is_forgotten = true;  // a cancel tells nobody anything
  if (has_more)
    send_payload(to, call, std::move(rest));
  else
    to.is_answered = true;
  free_if_over(call, to);
}

void session_fsm::send_error(std::uint32_t call, std::uint32_t function, int status,
                             std::string_view problem) {
  stream& to = *find(call);
  problem = problem.substr(0, peer_.inline_bytes);
  if (!to.is_given) {
    if (unended_.size() >= 2 * streams_.size()) forget_ended();
    unended_.reserve(unended_.size() + 1);
  }
  std::byte* const body = out_.add({.size = static_cast<std::uint32_t>(8 + problem.size()),
                                    .kind = frame_kind::error,
                                    .call = call,
                                    .value = function});
  const auto code = static_cast<std::uint32_t>(status);
  std::memcpy(body, &code, sizeof code);
  copy_text(body + 8, problem);
  out_.drop(to.out);
  may_be_sent_ = true;
  to.is_answered = to.is_forgotten = true;
  if (!to.is_given) {
    unended_.push_back(call);
    to.starved_since = heard_at_;
  }
  free_if_over(call, to);
}

// For payloads whose sender has more than one frame may hold; it asks for nothing.
void session_fsm::allow(std::uint32_t call, std::uint64_t bytes) {
  stream& from = *find(call);
  bytes = std::min(bytes, from.in_left - from.in_credit);
  while (bytes != 0) {
    const auto now = static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes, 1U << 30));
    out_.add({.kind = frame_kind::credit, .call = call, .value = now});
    set_credit(from, from.in_credit + now);
    bytes -= now;
  }
}

void session_fsm::say_going(std::string_view why) {
  why = why.substr(0, most_frame_text);
  std::byte* const body = out_.add({.size = static_cast<std::uint32_t>(why.size()),
                                    .kind = frame_kind::go_away,
                                    .value = is_caller() ? 0 : calls_});
  copy_text(body, why);
  is_going_ = true;
}

void session_fsm::go_away(std::string_view why, time_point now) {
  if (is_going_ || failure_) return;
  say_going(why);
  idle_since_ = now;
}

void session_fsm::fail(error reason) {
  if (failure_) return;
  failure_ = std::move(reason);
  if (is_going_) return;  // it has said something already
  try {
    say_going(failure_->details().message);
  } catch (const std::bad_alloc&) {  // then it says nothing
  }
}

bool session_fsm::owes_answers() const noexcept {
  return open_ != 0 && std::any_of(streams_.begin(), streams_.end(), [](const stream& each) {
           return each.is_open && (!each.is_answered || each.is_awaited);
         });
}

bool session_fsm::is_sent(std::uint32_t call) const noexcept {
  const stream* const found = find(call);
  return found == nullptr || !found->is_awaited;
}

std::uint64_t session_fsm::left_of(std::uint32_t call) const noexcept {
  const stream* const found = find(call);
  return found != nullptr ? found->in_left : 0;
}

std::uint64_t session_fsm::credit_of(std::uint32_t call) const noexcept {
  const stream* const found = find(call);
  return found != nullptr ? found->in_credit : 0;
}

session_fsm::event session_fsm::next_sent() {
  if (!std::exchange(may_be_sent_, false)) return {};
  for (std::size_t i = 0; i < waits_.size(); ++i) {
    const std::uint32_t call = waits_[i];
    stream& each = streams_[call];
    if (!outbox::is_out(each.out)) continue;
    waits_[i] = waits_.back();
    waits_.pop_back();
    may_be_sent_ = true;  // perhaps another one
    each.is_awaited = false;
    (is_caller() ? each.is_given : each.is_answered) = true;
    free_if_over(call, each);
    return {.what = kind::sent, .call = call};
  }
  return {};
}

// Where several calls are under way, none waits behind more than a little of another one.
std::span<const bytes_view> session_fsm::batch() {
  if (owes_pong_) {
    out_.add({.kind = frame_kind::pong, .value = pong_});
    owes_pong_ = false;
  }
  const bool is_alone = open_ <= 1;
  const std::size_t most = is_alone ? most_segment : shared_segment;
  return out_.batch(std::min<std::size_t>(most, std::max<std::uint32_t>(peer_.segment_bytes, 1)),
                    is_alone ? lone_batch : shared_batch);
}

// Of answered calls whose arguments had no end yet.
void session_fsm::forget_ended() noexcept {
  std::erase_if(unended_, [this](std::uint32_t call) {
    const stream& each = streams_[call];
    return !each.is_open || !each.is_answered || each.is_given;
  });
}

// Since when the other end has neither let the oldest answer go on, nor ended its arguments.
time_point session_fsm::starved_since() const noexcept {
  time_point first = never;
  for (const std::uint32_t call : waits_) first = std::min(first, streams_[call].starved_since);
  for (const std::uint32_t call : unended_)
    if (const stream& each = streams_[call]; each.is_open && each.is_answered && !each.is_given)
      first = std::min(first, each.starved_since);
  return first;
}

void session_fsm::note_written(std::size_t size, time_point now) noexcept {
  out_.note_written(size);
  may_be_sent_ = true;
  if (size == 0) return;
  if (out_rate_) out_rate_->add(size);
  // A caller has all the time of its call: its arguments may wait for memory.
  if (!is_caller())
    for (const std::uint32_t call : waits_)
      if (stream& each = streams_[call]; outbox::is_starved(each.out))
        each.starved_since = std::min(each.starved_since, now);
  if (blocked_since_ == never) return;
  blocked_since_ = has_output() ? now : never;
  if (blocked_since_ == never && out_rate_) out_rate_->stop();
}

void session_fsm::on_blocked(time_point now) noexcept {
  out_.note_written(0);
  may_be_sent_ = true;
  if (blocked_since_ != never) return;
  blocked_since_ = now;
  if (out_rate_) out_rate_->begin(now);
}

// ---- Time

void session_fsm::hold(time_point now) noexcept {
  heard_at_ = std::max(heard_at_, now);
  pinged_at_ = never;
  if (frame_since_ != never) frame_since_ = heard_at_;
  if (expected_since_ != never) expected_since_ = heard_at_;
  if (in_rate_ && owed_ != 0) in_rate_->begin(heard_at_);
  for (const auto* those : {&waits_, &unended_})
    for (const std::uint32_t call : *those)
      if (auto& since = streams_[call].starved_since; since != never) since = heard_at_;
}

time_point session_fsm::due() const noexcept {
  if (failure_) return never;
  time_point first = never;
  const auto take = [&first](time_point since, duration length) {
    if (since != never) first = std::min(first, saturating_add(since, length));
  };
  if (!is_ready_) take(begun_at_, config_.hello_timeout);
  take(frame_since_, config_.hello_timeout);
  take(blocked_since_, config_.transfer_timeout);
  if (owed_ != 0 || segment_left_ != 0) take(expected_since_, config_.transfer_timeout);
  if (in_rate_ && owed_ != 0) first = std::min(first, in_rate_->due());
  if (out_rate_ && blocked_since_ != never) first = std::min(first, out_rate_->due());
  const duration silence = std::chrono::milliseconds(config_.own.silence_ms);
  if (is_ready_ && open_ != 0)
    take(pinged_at_ != never ? pinged_at_ : heard_at_,
         pinged_at_ != never ? patience * silence : silence);
  if (!is_caller()) take(starved_since(), config_.transfer_timeout);
  if (is_ready_ && open_ == 0) take(idle_since_, config_.idle_timeout);
  return first;
}

void session_fsm::on_time(time_point now) {
  if (failure_) return;
  const auto is_over = [now](time_point since, duration length) {
    return since != never && now >= saturating_add(since, length);
  };
  const auto slow = [this](const char* why) {
    fail(error(is_caller() ? errc::connection_lost : errc::malformed_request, why));
  };
  if (!is_ready_ && is_over(begun_at_, config_.hello_timeout))
    return slow("the other end did not say hello in time");
  if (is_over(frame_since_, config_.hello_timeout)) return slow("a frame came too slowly");
  if (is_over(blocked_since_, config_.transfer_timeout))
    return slow("the other end took nothing for too long");
  if ((owed_ != 0 || segment_left_ != 0) && is_over(expected_since_, config_.transfer_timeout))
    return slow("nothing came of a payload for too long");
  if (in_rate_ && owed_ != 0 && in_rate_->is_too_slow(now))
    return slow("a payload came too slowly");
  if (out_rate_ && blocked_since_ != never && out_rate_->is_too_slow(now))
    return slow("the other end took too little");
  const duration silence = std::chrono::milliseconds(config_.own.silence_ms);
  if (!is_caller() && is_over(starved_since(), config_.transfer_timeout))
    return slow("the other end let an answer, or the end of arguments, wait for too long");
  forget_ended();
  if (is_ready_ && open_ != 0 && is_over(heard_at_, silence)) {
    if (pinged_at_ == never) {
      out_.add({.kind = frame_kind::ping});
      pinged_at_ = now;
    } else if (is_over(pinged_at_, patience * silence)) {
      fail(error(errc::connection_lost, "the other end has not answered for too long"));
    }
  } else if (is_ready_ && open_ == 0 && is_over(idle_since_, config_.idle_timeout)) {
    if (is_going_)
      fail(error(errc::connection_lost, "the session was idle"));
    else
      go_away("the session was idle", now);
  }
}

}  // namespace modal::detail
