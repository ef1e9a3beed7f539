// SPDX-License-Identifier: Apache-2.0
// How a connection is driven, read and closed; connection_write.cpp writes replies.
#include "net/connection.hpp"

#include "net/session_connection.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <utility>

namespace modal::detail {
namespace {

using std::chrono::steady_clock;

// Others have their turn before one that sends a lot at once.
constexpr int most_requests_in_turn = 16;
constexpr std::size_t most_bytes_in_turn = 1 << 20;
constexpr std::chrono::microseconds most_time_in_turn{100};
constexpr std::size_t long_read = 16 << 10;   // takes long enough to look at the clock again
constexpr std::size_t most_read = 128 << 10;  // at once: about 40 us, in which nothing else is done

}  // namespace

connection::connection(stream peer, std::shared_ptr<server_state> shared)
    : open_connection(std::move(peer), std::move(shared)),
      machine_(shared_->bounds, shared_->pool, steady_clock::now()),
      exchange_(shared_->handler->connect(shared_->origin_of(socket_))) {}

void connection::take_events(events what) {
  if (is_closed()) return;
  take_in(what);
  advance();
}

void connection::break_off() noexcept {
  try {
    exchange_->cancel();
  } catch (const std::bad_alloc&) {  // then its function ends by itself
  }
  shut();
}

void connection::take_in(events what) {
  if ((what & begins) != 0) begin((what & refuses) != 0);
  if ((what & event_loop::readable) != 0) may_read_ = true;
  if ((what & (event_loop::ended | event_loop::urgent)) != 0) reads_to_end_ = true;
  if ((what & replied) != 0) write_reply();
  if ((what & (event_loop::writable | goes_on)) != 0 && is_sending_) send();
  if ((what & resumed) != 0 && resumed_for_.load(std::memory_order_relaxed) == requests_)
    machine_.resume(now_);
  if ((what & event_loop::late) != 0) {
    note_late();
    machine_.on_time(now_);
  }
  if ((what & yields) != 0) yield_if_idle();
  if ((what & closes_soon) != 0) machine_.want_close();
  if ((what & closes_now) != 0) machine_.close();
}

void connection::begin(bool is_refused) {
  enter();
  if (!is_refused) return set_idle(machine_.idle_since());
  error reason(errc::queue_full, "there are more connections than limits.connections");
  reason.details().retry_after = std::chrono::seconds{1};
  machine_.fail(std::move(reason));
}

// The heart: does what the machine says, until something must happen first.
void connection::advance() {
  const auto begun = now_;
  std::size_t bytes = 0;
  for (int requests = 0;;) {
    const auto next = machine_.next(now_);
    if (next.what != kind::wait) {
      perform(next);
      if (is_closed()) return;
      if (next.what == kind::open && ++requests > 1) now_ = steady_clock::now();
    } else {
      const std::size_t more = read();
      if (more == 0) break;
      bytes += more;
      if (more >= long_read) now_ = steady_clock::now();
    }
    if (requests == most_requests_in_turn || bytes >= most_bytes_in_turn ||
        now_ - begun >= most_time_in_turn) {
      set_heavy(true);
      return shared_->loop->tell(shared_from_this(), goes_on);
    }
  }
  set_heavy(false);
  // Not only with the end of a reply: an empty line has come, or the body of a refused request.
  set_idle(machine_.is_idle() ? std::optional(machine_.idle_since()) : std::nullopt);
  arm(machine_.due(now_));
}

void connection::perform(const connection_fsm::action& next) {
  switch (next.what) {
    case kind::wait:
      return;
    case kind::open:
      return open();
    case kind::say_continue:
      return say("HTTP/1.1 100 Continue\r\n\r\n");
    case kind::say_working:
      return say("HTTP/1.1 102 Processing\r\n\r\n");
    case kind::ask_memory:
      return ask_memory(next.bytes);
    case kind::need:
      return find_room(next.part);
    case kind::submit:
      return exchange_->submit(machine_.take_body(),
                               std::shared_ptr<reply_sink>(shared_from_this(), this));
    case kind::reply_problem:
      exchange_->fail(machine_.failure(), machine_.failure_status());
      is_made_ = true;
      return write_reply();
    case kind::cancel:
      skips_reply_ = true;
      exchange_->cancel();
      if (is_sending_) end_reply(false);
      return;
    case kind::look_for_end: {
      pollfd look{socket_.native_handle(), POLLRDHUP, 0};
      if (::poll(&look, 1, 0) > 0) machine_.on_end();  // no unread bytes hide it
      return;
    }
    case kind::shut_sending:
      if (::shutdown(socket_.native_handle(), SHUT_WR) != 0) machine_.close();
      return;
    case kind::close:
      return shut();
  }
}

void connection::open() {
  ++requests_;
  skips_reply_ = false;
  set_idle(std::nullopt);
  if (shared_->draining.load(std::memory_order_relaxed)) machine_.close_after_reply();
  const auto bound = exchange_->open(machine_.head(), machine_.is_complete());
  if (bound) return machine_.admit(*bound, now_);
  if (auto calls = exchange_->take_session()) return become_session(std::move(calls));
  machine_.refuse();
  is_made_ = true;
  write_reply();
}

// Its socket lives on as a session, which says so, with what has come of that already; this ends.
void connection::become_session(std::shared_ptr<session_exchange> calls) {
  const auto made = std::make_shared<session_connection>(shared_, std::move(calls));
  leave();
  made->start(take_socket(), machine_.behind_head());
}

// What it returns may run with a lock of the handler held.
std::function<void()> connection::make_resume() {
  return [weak = weak_from_this(), which = requests_] {
    auto self = weak.lock();
    if (self == nullptr) return;
    auto& found = static_cast<connection&>(*self);
    found.resumed_for_.store(which, std::memory_order_relaxed);
    found.shared_->loop->tell(std::move(self), resumed);
  };
}

void connection::find_room(const segment_part& due) {
  auto found = exchange_->find_room(due, make_resume());
  if (!found)
    machine_.fail(std::move(found).error());
  else if (found->empty())
    machine_.pause(now_);
  else
    machine_.give(*found);
}

void connection::ask_memory(std::size_t total) {
  auto given = exchange_->ask_memory(total, make_resume());
  if (!given)
    machine_.fail(std::move(given).error());
  else if (*given)
    machine_.grant(total, now_);
  else
    machine_.pause(now_);
}

// Nothing else is on its way to the client, so that these few bytes fit; where they do not, it has
// enough to read.
void connection::say(std::string_view line) {
  const bytes_view text = std::as_bytes(std::span(line));
  const auto said = socket_.try_write({&text, 1});
  // Half a line would spoil what follows.
  if (said.what == io_result::kind::some ? said.size < line.size()
                                         : said.what != io_result::kind::would_block)
    machine_.on_end();
}

// Returns how much has come of it, or 1 where that is the end.
std::size_t connection::read() {
  if (!may_read_) return 0;
  auto room = machine_.prepare();
  if (room.empty()) return 0;
  room = room.first(std::min(room.size(), most_read));
  const auto got = socket_.try_read(std::as_writable_bytes(room));
  if (got.what == io_result::kind::would_block) {
    may_read_ = false;
    return 0;
  }
  if (got.what != io_result::kind::some) {
    may_read_ = false;
    machine_.on_end();
    return 1;
  }
  // Where there is room left, nothing is left to read; what comes later is another event.
  if (got.size < room.size() && !got.is_cut && !reads_to_end_) may_read_ = false;
  machine_.on_bytes(got.size, now_);
  if (machine_.has_begun()) set_idle(std::nullopt);
  return got.size;
}

// A request that comes at this very moment is served.
void connection::yield_if_idle() {
  if (machine_.is_idle() && is_to_yield(machine_.idle_since()) && socket_.is_quiet())
    machine_.close();
}

void connection::shut() noexcept {
  if (!shut_socket()) return;
  exchange_->abandon();
  leave();
}

}  // namespace modal::detail
