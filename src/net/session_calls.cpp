// SPDX-License-Identifier: Apache-2.0
// The calls of a session: how their bodies come in, and how they are answered.
#include <modal/wire/http_call.hpp>

#include "net/session_connection.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace modal::detail {
namespace {

// Of a large body: what memory is granted for at a time.
constexpr std::size_t body_piece = 2 << 20;
constexpr std::size_t quick_window = 128 << 10;
constexpr std::chrono::milliseconds quick_time{10};
// So many answers that are to come cost more to write one by one than a thread costs to wake.
constexpr std::size_t worth_waking = 4;

std::string_view text_of(bytes_view bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

void session_reply::clear() noexcept {
  failure.reset();
  result.clear();
  report = {};
  memory.reset();
}

session_connection::slot& session_connection::slot_of(std::uint32_t call) {
  if (call >= slots_.size()) slots_.resize(call + std::size_t{1});
  auto& found = slots_[call];
  if (found == nullptr) found = std::make_unique<slot>(*this, call, calls_->make_call());
  return *found;
}

void session_connection::perform(const session_fsm::event& told) {
  switch (told.what) {
    case kind::call:
      return open(told);
    case kind::piece: {
      slot& which = slot_of(told.call);
      if (which.at == slot::state::arriving) feed(which, told.bytes);
      return;
    }
    case kind::cancel:
      return cancel(slot_of(told.call));
    case kind::sent: {
      slot& which = slot_of(told.call);
      which.exchange->drop_answer();
      which.at = slot::state::free;
      return;
    }
    case kind::wait:
    case kind::ready:
    case kind::result:
    case kind::error:
    case kind::going:
    case kind::unseen:
    case kind::over:
      return;
  }
}

void session_connection::open(const session_fsm::event& told) {
  slot& which = slot_of(told.call);
  const frame_call& said = machine_.incoming_call();
  head_ = said.head;
  const bool is_named = !head_.function.empty();
  which.function = 0;
  ++which.serial;
  callee known = nullptr;
  if (!is_named) {
    if (told.function == 0 || told.function > functions_.size())
      return machine_.fail(error(errc::malformed_request,
                                 "a call names its function by a number that nobody has given"));
    const numbered_function& found = functions_[told.function - 1];
    head_.signature = found.signature;
    known = found.known;
    which.function = told.function;
  }
  auto terms =
      said.size <= SIZE_MAX
          ? which.exchange->open(head_, known, static_cast<std::size_t>(said.size), told.is_last)
          : error(errc::too_large, "the body is larger than any memory");
  if (!terms) return send_failure(which, terms.error());
  if (is_named) which.function = number_of(head_, which.exchange->function());
  which.length = static_cast<std::size_t>(said.size);
  which.granted = told.is_last ? which.length : 0;
  if (told.is_last) quick_until_ = now_ + quick_time;
  which.deadline = terms->deadline;
  which.is_paused = false;
  which.body.begin(body_assembler::shape::payload, which.length, terms->most_bytes,
                   shared_->bounds.decode);
  which.at = slot::state::arriving;
  arriving_.push_back(&which);
  feed(which, told.bytes);
}

// Bytes of a body that have come go where they belong, as far as there is room; there is, for what
// had credit.
void session_connection::feed(slot& which, bytes_view bytes) {
  if (which.ahead.empty() && which.granted >= which.body.received() + bytes.size()) {
    const std::size_t taken = which.body.append(text_of(bytes));
    bytes = bytes.subspan(taken);
  }
  if (!bytes.empty()) which.ahead.insert(which.ahead.end(), bytes.begin(), bytes.end());
  supply(which);
}

// Sees to it that more can come: finds memory and room, and gives credit for that.
void session_connection::supply(slot& which) {
  for (;;) {
    if (which.body.failure()) return refuse(which, *which.body.failure());
    if (which.body.is_complete() && which.ahead.empty()) return submit(which);
    if (which.body.received() == which.length && !which.body.end()) continue;  // and is short
    if (which.is_paused) return;
    if (!has_memory(which) || !has_room(which)) return;
    const std::size_t takes = std::min(which.granted - which.body.received(),
                                       std::max<std::size_t>(which.body.takes(), 1));
    if (!which.ahead.empty()) {
      const std::size_t size = std::min(takes, which.ahead.size());
      const std::size_t taken = which.body.append(text_of(bytes_view(which.ahead).first(size)));
      which.ahead.erase(which.ahead.begin(),
                        which.ahead.begin() + static_cast<std::ptrdiff_t>(taken));
      if (which.ahead.empty()) give_back(which.ahead);
      continue;
    }
    return give_credit(which, takes);
  }
}

// What has credit is soon in the kernel's buffers, where nothing passes it: beside small calls it
// is so much that those wait for some 50 us, and more when half of it has come.
void session_connection::give_credit(slot& which, std::size_t most) {
  const std::size_t wanted = now_ < quick_until_ ? std::min(most, quick_window) : most;
  const std::uint64_t has = machine_.credit_of(which.number);
  if (wanted <= has || (wanted < most && has > quick_window / 2)) return;
  machine_.allow(which.number, wanted - has);
}

// Returns whether there is memory for more bytes than have come. Else it waits, or has failed.
bool session_connection::has_memory(slot& which) {
  const std::size_t received = which.body.received();
  if (which.granted > received) return true;
  const std::size_t step = which.length <= body_piece ? which.length : body_piece;
  const std::size_t total = std::min(which.length, received + step);
  auto given = which.exchange->ask_memory(total, make_resume(which));
  if (!given) {
    refuse(which, given.error());
    return false;
  }
  which.is_paused = !*given;
  if (*given) which.granted = total;
  return *given;
}

bool session_connection::has_room(slot& which) {
  if (!which.body.make_ready()) {
    refuse(which, *which.body.failure());
    return false;
  }
  const auto due = which.body.want();
  if (!due) return true;
  const auto found = which.exchange->find_room(*due, make_resume(which));
  if (!found) {
    refuse(which, found.error());
    return false;
  }
  which.is_paused = found->empty();
  if (!found->empty()) which.body.give(*found);
  return !found->empty();
}

// What it returns may run with a lock of the handler held.
std::function<void()> session_connection::make_resume(slot& which) {
  return [weak = weak_from_this(), place = &which, serial = which.serial] {
    auto self = weak.lock();
    if (self == nullptr) return;
    auto& found = static_cast<session_connection&>(*self);
    place->resumed_for.store(serial, std::memory_order_release);
    found.shared_->loop->tell(std::move(self), resumed);
  };
}

void session_connection::resume_paused() {
  for (std::size_t i = 0; i < arriving_.size();) {
    slot& which = *arriving_[i];
    if (which.is_paused && which.resumed_for.load(std::memory_order_acquire) == which.serial) {
      which.resumed_for.store(0, std::memory_order_relaxed);
      which.is_paused = false;
      supply(which);
    }
    if (i < arriving_.size() && arriving_[i] == &which) ++i;
  }
}

void session_connection::end_late() {
  for (std::size_t i = 0; i < arriving_.size();) {
    slot& which = *arriving_[i];
    if (now_ >= which.deadline)
      refuse(which,
             error(errc::deadline_exceeded, "the deadline passed while the call's body was read"));
    else
      ++i;
  }
}

void session_connection::submit(slot& which) {
  std::erase(arriving_, &which);
  which.at = slot::state::submitted;
  submitted_.fetch_add(1, std::memory_order_relaxed);
  which.exchange->submit(which.body.take(),
                         std::shared_ptr<reply_sink>(shared_from_this(), &which));
}

// A call whose body will not come, or is none.
void session_connection::refuse(slot& which, const error& reason) {
  which.exchange->give_up(reason.value());
  std::erase(arriving_, &which);
  which.body.reset();
  give_back(which.ahead);
  which.at = slot::state::free;
  send_failure(which, reason);
}

void session_connection::cancel(slot& which) {
  if (which.at == slot::state::arriving)
    refuse(which, error(errc::cancelled, "cancelled by the caller"));
  else if (which.at == slot::state::submitted)
    which.exchange->cancel();
}

void session_connection::send_failure(slot& which, const error& reason) {
  const int status = http_status(reason.value());
  std::string problem = to_problem(reason, status);
  if (problem.size() > machine_.peer().inline_bytes) {  // two texts of many fields
    error shorter = reason;
    shorter.details().signature.clear();
    shorter.details().message.resize(std::min<std::size_t>(shorter.details().message.size(), 512));
    problem = to_problem(shorter, status);
  }
  machine_.send_error(which.number, which.function, status, problem);
}

std::uint32_t session_connection::number_of(const call_head& head, callee known) {
  const auto found = std::find_if(functions_.begin(), functions_.end(), [&](const auto& each) {
    return each.name == head.function && each.signature == head.signature;
  });
  const auto index = static_cast<std::uint32_t>(found - functions_.begin());
  // Those that were let in, so that they are no more than there are functions.
  if (found == functions_.end()) functions_.push_back({head.function, head.signature, known});
  return index + 1;
}

// ---- Answers

// On the thread that made the reply; it writes it, unless another one is telling the session
// something: then that does. Where it has the next call to run, and more answers are to come, those
// that come soon are written together by another one, which is worth its waking.
void session_connection::slot::on_reply(bool made, bool goes_on) noexcept {
  is_made = made;
  slot* last = owner.answered_.load(std::memory_order_relaxed);
  do {
    next_answered = last;
  } while (!owner.answered_.compare_exchange_weak(last, this, std::memory_order_release,
                                                  std::memory_order_relaxed));
  if (goes_on && owner.submitted_.load(std::memory_order_relaxed) >= worth_waking)
    owner.shared_->loop->tell(owner.shared_from_this(), replied);
  else
    owner.shared_->loop->raise(owner, replied);
}

void session_connection::collect_answers() {
  slot* last = answered_.exchange(nullptr, std::memory_order_acquire);
  slot* first = nullptr;
  while (last != nullptr) {  // in their order
    slot* const next = std::exchange(last->next_answered, first);
    first = std::exchange(last, next);
  }
  while (first != nullptr) {
    slot& each = *first;
    first = each.next_answered;
    submitted_.fetch_sub(1, std::memory_order_relaxed);
    if (is_closed() || is_lingering_) {
      each.at = slot::state::free;
      each.exchange->drop_answer();
    } else {
      answer(each);
    }
  }
}

void session_connection::answer(slot& which) {
  session_reply& what = which.exchange->answer();
  which.at = slot::state::free;
  if (!which.is_made || what.failure) {
    send_failure(which, which.is_made
                            ? *what.failure
                            : error(errc::result_too_large, "no memory for the call's result"));
    return which.exchange->drop_answer();
  }
  std::string device;
  if (!what.report.device.name.empty()) append_report(device, what.report);
  parts_.clear();
  what.result.gather(parts_);
  const std::size_t size = what.result.wire_size();
  if (size > machine_.peer().payload_bytes) {
    send_failure(which,
                 error(errc::result_too_large, "the result has " + std::to_string(size) +
                                                   " bytes, the caller takes " +
                                                   std::to_string(machine_.peer().payload_bytes)));
    return which.exchange->drop_answer();
  }
  machine_.send_result(which.number, which.function, what.report, device, parts_, size);
  if (machine_.is_sent(which.number))
    which.exchange->drop_answer();
  else
    which.at = slot::state::sending;
}

// The session is over: what belongs to the number goes, now or when it is answered.
void session_connection::release(slot& which) noexcept {
  switch (std::exchange(which.at, slot::state::free)) {
    case slot::state::free:
      return;
    case slot::state::arriving:
      which.exchange->give_up(errc::cancelled);
      which.body.reset();
      return;
    case slot::state::submitted:
      try {
        which.exchange->lose();
      } catch (const std::bad_alloc&) {  // then its function ends by itself
      }
      return;
    case slot::state::sending:
      which.exchange->drop_answer();
      return;
  }
}

}  // namespace modal::detail
