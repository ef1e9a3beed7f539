// SPDX-License-Identifier: Apache-2.0
// What becomes of the calls of a session.
#include <modal/base/insist.hpp>
#include <modal/client/session_link.hpp>
#include <modal/function/log.hpp>
#include <modal/wire/signature.hpp>

#include <algorithm>
#include <cstring>
#include <new>
#include <sched.h>
#include <sys/socket.h>
#include <utility>

namespace modal::detail {
namespace {

// Payloads from this size on have a connection for themselves.
constexpr std::size_t large_payload = 1 << 20;
// Behind one address there may be several executors on another host than it seems.
constexpr unsigned most_missed = 2;

}  // namespace

// ---- Beginning

// Returns whether there was a number for it.
bool session_link::begin(session_call& call, time_point now) {
  const attempt_request& request = *call.request_;
  const auto known = functions_.find(std::string_view(request.head.function));
  const std::uint32_t function =
      known != functions_.end() && known->second.first == request.head.signature
          ? known->second.second
          : 0;
  // There is room for one more: what is sent is not lost.
  if (entries_.capacity() == entries_.size()) entries_.reserve(2 * entries_.size() + 4);
  parts_.clear();
  request.arguments->gather(parts_);
  const auto number =
      machine_->begin_call(request.head, function, parts_, request.arguments->wire_size(), now);
  if (!number) return false;
  call.number_ = number;
  if (entries_.size() <= *number) entries_.resize(*number + std::size_t{1});
  entries_[*number].call = &call;
  entries_[*number].body = {};
  entries_[*number].filled = 0;
  if (machine_->is_sent(*number)) call.progress = attempt_progress::sent;
  return true;
}

void session_link::begin_queued(time_point now) {
  while (!queued_.empty() && phase_ == phase::open && machine_->may_begin()) {
    session_call& next = queued_.front();
    if (!begin(next, now)) return;
    queued_.pop_front();
  }
}

// ---- Answers

void session_link::dispatch() {
  for (;;) {
    const auto told = machine_->next();
    if (told.what == session_fsm::kind::wait) break;
    if (told.what == session_fsm::kind::over) {
      const error& why = machine_->failure();
      const bool is_other = why == errc::unsupported_feature;
      return end(is_other ? session_call::ending::refused : session_call::ending::lost, why);
    }
    try {
      take(told);
    } catch (const std::bad_alloc&) {  // somebody would never hear of it
      return end(session_call::ending::lost, error(make_error_code(errc::connection_lost), {}));
    }
  }
  // Whatever has freed a number: what is forgotten ends without a word.
  begin_queued(moved_at_);
  if (machine_->open_calls() != 0) return;
  if (machine_->is_going())
    end(session_call::ending::unseen, {errc::connection_lost, "the executor ended the session"});
  else if (is_retired_ && queued_.empty())
    end(session_call::ending::unseen, {errc::connection_lost, "the session has moved"});
}

void session_link::take(const session_fsm::event& told) {
  using kind = session_fsm::kind;
  switch (told.what) {
    case kind::result:
      return take_result(told);
    case kind::piece:
      return take_piece(told);
    case kind::error:
      return take_error(told);
    case kind::sent:
      if (session_call* const call = entries_[told.call].call; call != nullptr) {
        call->progress = attempt_progress::sent;
        if (call->is_answered_) end_call(*call, call->how);
      }
      written_.notify_all();
      return;
    case kind::unseen: {
      session_call& call = *entries_[told.call].call;
      call.how = session_call::ending::unseen;
      return end_if_sent(call);
    }
    case kind::going:
      // Those that have no number yet go elsewhere.
      while (!queued_.empty()) end_call(queued_.front(), session_call::ending::unseen);
      return;
    case kind::ready:
      return take_ready();
    case kind::wait:
    case kind::call:
    case kind::cancel:
    case kind::over:
      return;
  }
}

void session_link::take_result(const session_fsm::event& told) {
  const frame_result& said = machine_->incoming_result();
  entry& to = entries_[told.call];
  session_call& call = *to.call;
  call.report = said.report;
  note_function(call, told.function);
  try {
    if (said.size > settings_.config->limits.body_bytes) {
      call.failure = error(errc::too_large, "the answer's body is larger than allowed");
    } else {
      to.body = settings_.pool->take(static_cast<std::size_t>(said.size));
      if (!told.bytes.empty()) std::memcpy(to.body.data(), told.bytes.data(), told.bytes.size());
      to.filled = told.bytes.size();
      if (told.is_last) return take_all(told.call);
      return machine_->allow(told.call, machine_->left_of(told.call));
    }
  } catch (const std::bad_alloc&) {
    call.failure = error(errc::too_large, "no memory for the answer's body");
  }
  call.how = session_call::ending::answered;
  forget(call);
  end_if_sent(call);
}

void session_link::take_piece(const session_fsm::event& told) {
  entry& to = entries_[told.call];
  if (to.call == nullptr) return;
  std::memcpy(to.body.data() + to.filled, told.bytes.data(), told.bytes.size());
  to.filled += told.bytes.size();
  if (told.is_last) take_all(told.call);
}

void session_link::take_all(std::uint32_t number) {
  entry& from = entries_[number];
  session_call& call = *from.call;
  call.body = std::move(from.body);
  call.how = session_call::ending::answered;
  end_if_sent(call);
}

void session_link::take_error(const session_fsm::event& told) {
  session_call& call = *entries_[told.call].call;
  note_function(call, told.function);
  const std::string_view problem(reinterpret_cast<const char*>(told.bytes.data()),
                                 told.bytes.size());
  error reason = from_problem(told.status, problem_media_type, problem);
  auto& details = reason.details();
  if (reason == errc::signature_mismatch && !details.signature.empty())
    details.message = explain_difference(details.signature, call.request_->own_signature);
  entries_[told.call].body = {};
  call.failure = std::move(reason);
  call.how = session_call::ending::answered;
  end_if_sent(call);
}

// From now on a function is called by its number.
void session_link::note_function(const session_call& call, std::uint32_t number) {
  if (number == 0) return;
  const call_head& head = call.request_->head;
  const auto found = functions_.find(std::string_view(head.function));
  if (found != functions_.end() && found->second.second == number) return;
  functions_[head.function] = {head.signature, number};
}

// ---- Ends

// An answer may come before the arguments are out: they are not touched when the call is over.
void session_link::end_if_sent(session_call& call) {
  call.is_answered_ = true;
  if (machine_->is_sent(*call.number_)) end_call(call, call.how);
}

void session_link::end_call(session_call& call, session_call::ending how) {
  call.how = how;
  if (call.number_) entries_[*call.number_].call = nullptr;
  call.number_.reset();
  if (call.queue_hook_.is_linked()) queued_.erase(queued_.iterator_to(call));
  call.is_over_ = true;
  if (call.owner_) {
    --woken_calls_;
    ended_.push_back(std::move(call.owner_));  // there is room: see `submit`
    has_ended_.store(true, std::memory_order_release);
  } else {
    call.changed_.notify_one();
    if (leader_ == &call) wake_leader();
  }
}

// The executor is told that nobody waits for it any more.
void session_link::forget(session_call& call) noexcept {
  if (!call.number_) return;
  for (bool is_done = false; !is_done;) {
    try {
      machine_->cancel_call(*call.number_);
      is_done = true;
    } catch (const std::bad_alloc&) {
      ::sched_yield();
    }
  }
  if (reads_for_ != call.number_) entries_[*call.number_].body = {};
}

void session_link::end_if_forgotten(std::uint32_t number) {
  entry& which = entries_[number];
  if (which.call == nullptr) which.body = {};
}

void session_link::end(session_call::ending how, const error& reason) {
  if (phase_ == phase::over) return;
  // Then they go where the offer came from.
  if (local_ != nullptr && !is_ready_) how = session_call::ending::unseen;
  if (phase_ == phase::upgrading && how == session_call::ending::broken)
    insist([to = &break_, &reason] { *to = reason; });
  phase_ = phase::over;
  // Arguments are not to go while they are being written; that does not take long.
  while (is_in_write_) {
    mutex_.unlock();
    ::sched_yield();
    mutex_.lock();
  }
  for (std::size_t i = 0; i < entries_.size(); ++i)
    if (entries_[i].call != nullptr) end_with(*entries_[i].call, how, reason);
  while (!queued_.empty()) end_with(queued_.front(), how, reason);
  say_last_words();
  // Whoever waits on it learns that it is over; whoever watches it closes it.
  if (socket_.is_open()) ::shutdown(socket_.native_handle(), SHUT_RDWR);
  for (session_call& each : followers_) each.changed_.notify_one();
  if (reactor* const events = events_; events != nullptr)
    insist([&] { events->post(std::static_pointer_cast<session_link>(shared_from_this())); });
}

// Why it ends, as far as the socket takes that at once.
void session_link::say_last_words() noexcept {
  try {
    if (machine_ && socket_.is_open() && machine_->has_output() && !is_silent_)
      (void)socket_.try_write(machine_->batch());
  } catch (const std::bad_alloc&) {  // then it does not learn that
  }
}

void session_link::end_with(session_call& call, session_call::ending how, const error& reason) {
  if (call.is_answered_) return end_call(call, call.how);
  insist([&] { call.failure = reason; });
  end_call(call, how);
}

std::optional<error> session_link::take_break() noexcept {
  const mutex_lock lock(mutex_);
  return std::exchange(break_, std::nullopt);
}

void session_link::abandon(session_call& call) noexcept {
  std::shared_ptr<wakeable> owner;  // let go of without the lock
  const telling others(*this);
  mutex_lock lock(mutex_);
  if (call.is_over_) return;
  if (call.number_) {
    const std::uint32_t number = *call.number_;
    forget(call);
    entries_[number].call = nullptr;
    // Somebody may just be writing of its memory: that does not take long, for nobody blocks.
    settle();
    while (phase_ == phase::open && !machine_->is_sent(number) && is_writing_) {
      written_.wait(lock);
      settle();
    }
    while (is_writing_ && phase_ == phase::over) written_.wait(lock);
  }
  call.number_.reset();
  if (call.queue_hook_.is_linked()) queued_.erase(queued_.iterator_to(call));
  call.is_over_ = true;
  if (call.owner_) --woken_calls_;
  owner = std::move(call.owner_);
}

// Without memory for what is to be done the session ends.
void session_link::settle() noexcept {
  try {
    flush();
    if (phase_ == phase::open) dispatch();
  } catch (const std::bad_alloc&) {
    end(session_call::ending::lost, error(make_error_code(errc::connection_lost), {}));
  }
}

// ---- The pool

std::shared_ptr<session_link> session_pool::take(std::string_view function, std::size_t size,
                                                 time_point now) {
  std::shared_ptr<session_link> last;
  for (;;) {
    if (last != nullptr) note_broken(*last);
    const mutex_lock lock(mutex_);
    if (is_refused_) return nullptr;
    const bool is_large = size >= large_payload || (!large_.empty() && large_.contains(function));
    auto& link = links_[is_large ? 1 : 0];
    std::shared_ptr<const local_offer> offered;
    const bool takes_calls = link != nullptr && link->takes_calls(offered);
    if (offered != nullptr) note_offer(offered);
    const bool moves =
        takes_calls && offered != nullptr && local_ != nullptr && local_->token == offered->token;
    if (takes_calls && !moves) return link;
    // What became of it counts first.
    if (link != nullptr && !moves && link != last) {
      last = link;
      continue;
    }
    if (const auto missed = link != nullptr ? link->missed_local() : nullptr; missed != nullptr) {
      missed_token_ = missed->token;
      ++missed_count_;
      if (local_ != nullptr && local_->token == missed->token) local_.reset();
    }
    if (!moves && !stands(links_[is_large ? 0 : 1])) local_.reset();
    auto made = std::make_shared<session_link>(settings_, now, local_);
    last = link;
    leave(link);
    link = std::move(made);
    if (moves) last->retire();
    return link;
  }
}

// An offer is good as long as a session stands with whoever made it: when the executor has ended
// somebody else can take the name, who may have been told the secret as well.
bool session_pool::stands(const std::shared_ptr<session_link>& link) {
  std::shared_ptr<const local_offer> unused;
  return link != nullptr && link->takes_calls(unused);
}

void session_pool::note_offer(const std::shared_ptr<const local_offer>& offered) {
  if (missed_count_ >= most_missed || offered->token == missed_token_) return;
  if (local_ == nullptr) local_ = offered;
}

void session_pool::note_result(std::string_view function, std::size_t size) noexcept {
  const bool is_large = size >= large_payload;
  if (!is_large && large_count_.load(std::memory_order_relaxed) == 0) return;
  try {
    const mutex_lock lock(mutex_);
    if (is_large)
      large_.emplace(function);
    else if (const auto found = large_.find(function); found != large_.end())
      large_.erase(found);
    large_count_.store(large_.size(), std::memory_order_relaxed);
  } catch (const std::bad_alloc&) {  // then it goes with the small ones once more
  }
}

void session_pool::refuse(const error& why) noexcept {
  {
    const mutex_lock lock(mutex_);
    if (std::exchange(is_refused_, true)) return;
    for (auto& each : links_) leave(each);
  }
  try {
    log_to_stderr()({.level = log_level::warning,
                     .time = std::chrono::system_clock::now(),
                     .message = "calls go over plain HTTP: " + settings_.where->authority +
                                " has no sessions: " + why.message(),
                     .function = {},
                     .call = {},
                     .fields = {}});
  } catch (...) {  // then it is not said
  }
}

void session_pool::note_broken(session_link& link) noexcept {
  const auto why = link.take_break();
  if (why && broken_count_.fetch_add(1, std::memory_order_relaxed) != 0) refuse(*why);
}

// It goes on until its calls have ended.
void session_pool::leave(std::shared_ptr<session_link>& link) noexcept {
  if (link == nullptr) return;
  std::erase_if(going_, [](const auto& each) { return each.expired(); });
  insist([to = &going_, &link] { to->push_back(link); });
  link.reset();
}

void session_pool::fall_silent() noexcept {
  const mutex_lock lock(mutex_);
  for (const auto& each : links_)
    if (each != nullptr) each->fall_silent();
  for (const auto& each : going_)
    if (const auto alive = each.lock()) alive->fall_silent();
}

void session_pool::detach() noexcept {
  std::shared_ptr<session_link> last[2];
  std::vector<std::weak_ptr<session_link>> others;
  {
    const mutex_lock lock(mutex_);
    std::move(std::begin(links_), std::end(links_), last);
    others.swap(going_);
  }
  for (const auto& each : last)
    if (each != nullptr) each->detach();
  for (const auto& each : others)
    if (const auto alive = each.lock()) alive->detach();
}

}  // namespace modal::detail
