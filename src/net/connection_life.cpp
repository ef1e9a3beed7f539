// SPDX-License-Identifier: Apache-2.0
// The life of a connection: reading, time limits, closing. What requests mean is in connection.cpp.
#include "net/connection.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <utility>

namespace modal::detail {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t first_input = 4096;
// A client that is still sending must read our answer before the connection is reset: so much and
// so long it may go on.
constexpr std::size_t most_lingered = 16 << 20;
constexpr std::chrono::seconds linger_time{2};
// Nothing is read of a client that waits for memory: now and then it is looked at whether it still
// waits, and it is told that we do not sleep, for it may have a limit for a request that stands
// still.
constexpr std::chrono::seconds paused_look{1};
constexpr std::chrono::seconds paused_word{5};

}  // namespace

connection::connection(socket peer, std::shared_ptr<server_state> shared)
    : shared_(std::move(shared)),
      socket_(std::move(peer)),
      fd_(socket_.native_handle()),
      timer_(socket_.get_executor()),
      reader_(shared_->bounds),
      input_(std::min(first_input, shared_->bounds.header_bytes)),
      rate_(shared_->bounds),
      since_(steady_clock::now()) {
  const std::scoped_lock lock(shared_->mutex);
  ++shared_->alive;
  shared_->open.insert(this);
  shared_->count->store(shared_->open.size(), std::memory_order_relaxed);
}

connection::~connection() {
  leave();
  const std::scoped_lock lock(shared_->mutex);
  if (--shared_->alive == 0) shared_->all_gone.notify_all();
}

// No longer one of the server's: it is closed, and only handlers that have not run yet own it.
void connection::leave() {
  ticket_ = {};
  const std::scoped_lock lock(shared_->mutex);
  shared_->open.erase(this);
  shared_->count->store(shared_->open.size(), std::memory_order_relaxed);
  if (shared_->open.empty()) shared_->all_gone.notify_all();
}

void connection::start() {
  idle_since_.store(since_.time_since_epoch().count(), std::memory_order_relaxed);
  since_ = never;
  arm(due());
  read();
}

void connection::start_refusing() {
  close_after_ = true;
  error reason(errc::queue_full, "there are more connections than limits.connections");
  reason.details().retry_after = std::chrono::seconds{1};
  arm(since_ + linger_time);
  reply_problem(reason);
  advance();
}

// Whether the I/O thread may close. If not, whoever writes will tell it when that is done.
bool connection::has_turn() const noexcept {
  return is_writing_ || turn_.load(std::memory_order_acquire) == turn::io;
}

void connection::close_soon() {
  boost::asio::dispatch(socket_.get_executor(), [self = shared_from_this()] {
    self->close_wanted_ = true;
    const bool in_turn = self->turn_.load(std::memory_order_acquire) == turn::io;
    if (!in_turn) {
      // Whoever writes tells us when it is done; then `answered` sees close_wanted_.
      auto expected = turn::answer;
      if (!self->turn_.compare_exchange_strong(expected, turn::awaited) && expected == turn::io)
        self->shut();
      return;
    }
    const bool is_quiet = self->phase_ == phase::linger && self->linger_left_ == most_lingered;
    if (self->phase_ == phase::head || self->phase_ == phase::answer || is_quiet) self->shut();
  });
}

void connection::give_up_arriving() {
  boost::asio::dispatch(socket_.get_executor(), [self = shared_from_this()] {
    if (self->phase_ == phase::body || self->phase_ == phase::chunks) self->shut();
  });
}

std::optional<time_point> connection::idle_since() const noexcept {
  const phase at = phase_.load(std::memory_order_relaxed);
  const bool is_idle = at == phase::head ||
                       (at == phase::answer && turn_.load(std::memory_order_relaxed) == turn::io);
  const auto since = idle_since_.load(std::memory_order_relaxed);
  if (!is_idle || since == not_idle || yields_.load(std::memory_order_relaxed)) return std::nullopt;
  return time_point(time_point::duration(since));
}

void connection::close_if_idle(time_point since) {
  yields_.store(true, std::memory_order_relaxed);  // at once, so that the next one in finds another
  boost::asio::post(socket_.get_executor(), [self = shared_from_this(), since] {
    self->yields_.store(false, std::memory_order_relaxed);
    if (self->idle_since() != since || !self->is_reading_) return;
    // A request that comes at this very moment is served: the read that is pending decides.
    self->yields_.store(true, std::memory_order_relaxed);
    self->socket_.cancel();
  });
}

void connection::close_now() {
  boost::asio::dispatch(socket_.get_executor(), [self = shared_from_this()] {
    if (self->has_turn()) return self->shut();
    ::shutdown(self->fd_, SHUT_RDWR);  // what is being written fails, and the number stays ours
    self->close_wanted_ = true;
    auto expected = turn::answer;
    if (!self->turn_.compare_exchange_strong(expected, turn::awaited) && expected == turn::io)
      self->shut();
  });
}

void connection::make_room() {
  if (input_begin_ == input_end_) input_begin_ = input_end_ = 0;
  if (input_end_ < input_.size()) return;
  if (input_begin_ != 0) {
    std::memmove(input_.data(), input_.data() + input_begin_, input_end_ - input_begin_);
    input_end_ -= input_begin_;
    input_begin_ = 0;
  } else if (input_.size() < shared_->bounds.header_bytes) {
    input_.resize(std::min(2 * input_.size(), shared_->bounds.header_bytes));
  }
}

// Keeps one read pending, so that a client that goes away is noticed while its call runs. Only
// where a client sends ahead more than a header's worth is it left to the kernel, which then holds
// it back.
void connection::read() {
  if (is_reading_ || is_lost_ || phase_ == phase::closed) return;
  boost::asio::mutable_buffer target;
  const bool wants_body = phase_ == phase::body || phase_ == phase::chunks;
  if (wants_body && is_paused_) return;
  is_reading_body_ = phase_ == phase::body && granted_ > body_size_ && input().empty();
  if (is_reading_body_) {
    target = {body_.data() + body_size_, granted_ - body_size_};
  } else {
    make_room();
    target = {input_.data() + input_end_, input_.size() - input_end_};
  }
  if (target.size() == 0) return;
  is_reading_ = true;
  socket_.async_read_some(
      target, [self = shared_from_this()](const boost::system::error_code& failed,
                                          std::size_t size) { self->on_read(failed, size); });
}

void connection::on_read(const boost::system::error_code& failed, std::size_t size) {
  is_reading_ = false;
  if (phase_ == phase::closed) return;
  const bool yields = yields_.load(std::memory_order_relaxed);
  if (yields) yields_.store(false, std::memory_order_relaxed);
  if (overdue_) {
    const error reason = *std::exchange(overdue_, std::nullopt);
    close_after_ = true;
    reply_problem(reason, reason == errc::malformed_request ? 408 : 0);
  } else if (failed == boost::asio::error::operation_aborted && yields) {
    char byte;
    const bool has_more = ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
    if (idle_since() && input().empty() && !has_more) return shut();
  } else if (failed) {
    is_lost_ = true;
  } else if (is_reading_body_) {
    body_size_ += size;
    rate_.add(size);
    since_ = steady_clock::now();
  } else {
    input_end_ += size;
    if (phase_ == phase::body || phase_ == phase::chunks || phase_ == phase::discard)
      since_ = steady_clock::now();
    if (phase_ == phase::linger) {
      if (size >= linger_left_) return shut();
      linger_left_ -= size;
    }
  }
  advance();
}

void connection::close_after_linger() {
  boost::system::error_code failed;
  socket_.shutdown(socket::shutdown_send, failed);
  if (failed) return shut();
  phase_ = phase::linger;
  since_ = steady_clock::now();
  linger_left_ = most_lingered;
  arm(due());
}

// Leaves the memory that a pending read may still write to: the read's handler owns this object.
void connection::shut() {
  if (phase_ == phase::closed) return;
  phase_ = phase::closed;
  call_.reset();
  timer_.cancel();
  boost::system::error_code ignored;
  socket_.close(ignored);
  leave();
}

// The timer is set anew only to be earlier: when it fires too early, it looks again. So a request
// that comes in one piece never touches it.
void connection::arm(time_point when) {
  if (when >= timer_at_ || phase_ == phase::closed) return;
  timer_at_ = when;
  timer_.expires_at(when);
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& failed) {
    if (!failed) self->on_timer();
  });
}

void connection::on_timer() {
  if (phase_ == phase::closed) return;
  timer_at_ = never;
  const auto now = steady_clock::now();
  if (is_paused_ && (phase_ == phase::body || phase_ == phase::chunks)) keep_waiting(now);
  if (phase_ == phase::closed) return;
  // A window of the rate has ended: that is no fault where enough has moved.
  const bool goes_on = now >= rate_.due() && !rate_.is_too_slow(now) && now < due();
  if (!goes_on && now >= due()) on_overdue();
  if (phase_ != phase::closed) arm(due());
}

void connection::keep_waiting(time_point now) {
  pollfd look{fd_, POLLRDHUP, 0};
  if (::poll(&look, 1, 0) > 0) {  // an end, which no unread bytes hide
    is_lost_ = true;
    return shut();
  }
  if (now - told_at_ < paused_word || reader_.is_old()) return;
  told_at_ = now;
  constexpr std::string_view working = "HTTP/1.1 102 Processing\r\n\r\n";
  // Where even that does not fit, it has enough to read.
  (void)::send(fd_, working.data(), working.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

time_point connection::due() const noexcept {
  const limits& bounds = shared_->bounds;
  const auto idle_since =
      time_point(time_point::duration(idle_since_.load(std::memory_order_relaxed)));
  const time_point since = since_ == never ? steady_clock::now() : since_;
  switch (phase_) {
    case phase::head:
      return input().empty() ? saturating_add(idle_since, bounds.idle_timeout)
                             : saturating_add(since, bounds.header_timeout);
    case phase::body:
    case phase::chunks: {
      const time_point deadline = ticket_ ? ticket_->deadline : never;
      if (is_paused_) return std::min(deadline, steady_clock::now() + paused_look);
      return std::min({saturating_add(since, bounds.transfer_timeout), rate_.due(), deadline});
    }
    case phase::answer:
      if (is_writing_) return std::min(saturating_add(since, bounds.transfer_timeout), rate_.due());
      if (turn_.load(std::memory_order_relaxed) == turn::io)
        return saturating_add(idle_since, bounds.idle_timeout);
      return saturating_add(steady_clock::now(), bounds.idle_timeout);  // the call has a deadline
    case phase::discard:
      return saturating_add(since, bounds.transfer_timeout);
    case phase::linger:
      return saturating_add(since, linger_time);
    case phase::closed:
      break;
  }
  return never;
}

void connection::on_overdue() {
  const bool is_late = ticket_ && steady_clock::now() >= ticket_->deadline;
  error reason =
      is_late ? error(errc::deadline_exceeded, "the deadline passed while the call's body was read")
              : error(errc::malformed_request, "the request came too slowly");
  switch (phase_) {
    case phase::body:
      if (!is_reading_) {
        close_after_ = true;
        reply_problem(reason, is_late ? 0 : 408);
        return advance();
      }
      overdue_ = std::move(reason);
      socket_.cancel();  // the answer waits for the end of the read, which may still write to body_
      timer_at_ = never;
      return;
    case phase::chunks:
      close_after_ = true;
      reply_problem(reason, is_late ? 0 : 408);
      return advance();
    case phase::head:
      if (input().empty()) return shut();
      close_after_ = true;
      head_only_ = false;
      reply_problem(reason, 408);
      return advance();
    default:
      return shut();
  }
}

}  // namespace modal::detail
