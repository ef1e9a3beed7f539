// SPDX-License-Identifier: Apache-2.0
// How a connection is driven, read and closed; connection_write.cpp writes replies.
#include "net/connection.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/dispatch.hpp>

#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <utility>

namespace modal::detail {
namespace {

using std::chrono::steady_clock;

constexpr int most_requests_at_once = 16;

std::int64_t to_count(time_point at) noexcept { return at.time_since_epoch().count(); }
time_point from_count(std::int64_t count) noexcept {
  return time_point(time_point::duration(count));
}

}  // namespace

connection::connection(socket peer, std::shared_ptr<server_state> shared)
    : shared_(std::move(shared)),
      socket_(std::move(peer)),
      fd_(socket_.native_handle()),
      timer_(socket_.get_executor()),
      machine_(shared_->bounds, shared_->pool, steady_clock::now()),
      exchange_(shared_->handler->connect()) {
  const mutex_lock lock(shared_->mutex);
  shared_->open.insert(this);  // first: where it throws, there is nothing to take back
  ++shared_->alive;
  shared_->count->store(shared_->open.size(), std::memory_order_relaxed);
}

connection::~connection() {
  leave();
  const mutex_lock lock(shared_->mutex);
  if (--shared_->alive == 0) shared_->all_gone.notify_all();
}

// No longer one of the server's: it is closed, and only handlers that have not run yet own it.
void connection::leave() {
  exchange_->abandon();
  const mutex_lock lock(shared_->mutex);
  shared_->open.erase(this);
  shared_->count->store(shared_->open.size(), std::memory_order_relaxed);
  if (shared_->open.empty()) shared_->all_gone.notify_all();
}

void connection::start() {
  go_on([this] { idle_since_.store(to_count(machine_.idle_since()), std::memory_order_relaxed); });
}

void connection::start_refusing() {
  go_on([this] {
    error reason(errc::queue_full, "there are more connections than limits.connections");
    reason.details().retry_after = std::chrono::seconds{1};
    machine_.fail(std::move(reason));
  });
}

void connection::give_up(const char* why) noexcept {
  try {
    if (shared_->log)
      shared_->log({.level = log_level::error,
                    .time = std::chrono::system_clock::now(),
                    .message = std::string("a connection ends: ") + why,
                    .function = {},
                    .call = {},
                    .fields = {}});
  } catch (...) {
  }
  if (end_now()) shut();
}

// Ends what is under way. Returns whether that is all: while another thread writes an answer, the
// descriptor stays ours, and that thread tells when it is done.
bool connection::end_now() noexcept {
  auto expected = turn::reply;
  if (!is_writing_ && machine_.awaits_reply() &&
      (turn_.compare_exchange_strong(expected, turn::awaited) || expected == turn::awaited)) {
    ::shutdown(fd_, SHUT_RDWR);  // what is being written fails
    machine_.want_close();
    return false;
  }
  machine_.close();
  return true;
}

// The heart: does what the machine says, until something must happen first.
void connection::advance() {
  const auto now = steady_clock::now();
  notice_reply();
  for (int requests = 0;;) {
    const auto next = machine_.next(now);
    if (next.what != kind::wait) {
      perform(next);
      if (is_closed_) return;
      // Others have their turn before one that has sent many at once.
      if (next.what == kind::open && ++requests == most_requests_at_once)
        return post([](connection& self) { self.go_on([] {}); });
    } else if (!machine_.awaits_reply() || !(notice_reply() || await_reply())) {
      break;
    }
  }
  read();
  arm(machine_.due(now));
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
    case kind::submit:
      begin_reply();
      return exchange_->submit(machine_.take_body(), shared_from_this());
    case kind::reply_problem:
      exchange_->fail(machine_.failure(), machine_.failure_status());
      return reply_now();
    case kind::cancel:
      skips_write_.store(true, std::memory_order_relaxed);
      return exchange_->cancel();
    case kind::cancel_read:
      socket_.cancel();
      return;
    case kind::look_for_end: {
      pollfd look{fd_, POLLRDHUP, 0};
      if (::poll(&look, 1, 0) > 0) machine_.on_end();  // no unread bytes hide it
      return;
    }
    case kind::shut_sending: {
      boost::system::error_code failed;
      socket_.shutdown(socket::shutdown_send, failed);
      if (failed) machine_.close();
      return;
    }
    case kind::close:
      return shut();
  }
}

// Returns whether a reply is out that the machine did not know of.
bool connection::notice_reply() {
  if (!machine_.awaits_reply() || turn_.load(std::memory_order_acquire) != turn::io) return false;
  exchange_->abandon();
  machine_.on_replied(!is_write_failed_, from_count(idle_since_.load(std::memory_order_relaxed)));
  if (!machine_.is_idle()) idle_since_.store(not_idle, std::memory_order_relaxed);
  return true;
}

// Makes sure that whoever writes tells us, if we cannot go on before. Returns whether it has just
// written.
bool connection::await_reply() {
  if (!machine_.needs_reply()) return false;
  auto expected = turn::reply;
  if (!turn_.compare_exchange_strong(expected, turn::awaited, std::memory_order_acq_rel) &&
      expected == turn::io)
    return notice_reply();
  return false;
}

void connection::open() {
  ++requests_;
  idle_since_.store(not_idle, std::memory_order_relaxed);
  if (shared_->draining.load(std::memory_order_relaxed)) machine_.close_after_reply();
  const auto bound = exchange_->open(machine_.head(), machine_.is_complete());
  if (bound) return machine_.admit(*bound, steady_clock::now());
  machine_.refuse();
  reply_now();
}

void connection::ask_memory(std::size_t total) {
  // Runs with a lock of the handler held, so that this object must not end there: the last owner
  // is the handler of the post. Until then the timer of the deadline owns it.
  auto given = exchange_->ask_memory(total, [weak = weak_from_this(), total, which = requests_] {
    if (const auto self = weak.lock())
      self->post([total, which](connection& found) {
        found.go_on([&] {
          // The request may be over, and another one begun.
          if (found.requests_ == which) found.machine_.grant(total, steady_clock::now());
        });
      });
  });
  if (!given)
    machine_.fail(std::move(given).error());
  else if (*given)
    machine_.grant(total, steady_clock::now());
  else
    machine_.pause(steady_clock::now());
}

// Nothing else is on its way to the client, so that these few bytes fit; where they do not, it has
// enough to read.
void connection::say(const char* line) {
  const auto size = static_cast<ssize_t>(std::strlen(line));
  const ssize_t written = ::send(fd_, line, std::strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT);
  // Half a line would spoil what follows.
  if (written < 0 ? errno != EAGAIN : written < size) machine_.on_end();
}

void connection::read() {
  const auto room = machine_.prepare();
  if (room.empty()) return;
  socket_.async_read_some(
      boost::asio::buffer(room.data(), room.size()),
      [self = shared_from_this()](const boost::system::error_code& failed, std::size_t size) {
        self->go_on([&] { self->on_read(failed, size); });
      });
}

void connection::on_read(const boost::system::error_code& failed, std::size_t size) {
  const bool yields = yields_.load(std::memory_order_relaxed);
  if (yields) yields_.store(false, std::memory_order_relaxed);
  if (!failed) {
    machine_.on_bytes(size, steady_clock::now());
    if (machine_.has_begun()) idle_since_.store(not_idle, std::memory_order_relaxed);
  } else if (failed != boost::asio::error::operation_aborted) {
    machine_.on_end();
  } else {
    machine_.on_read_cancelled();
    notice_reply();
    char byte;
    if (yields && machine_.is_idle() && ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0)
      machine_.close();
  }
}

// The timer is set anew only to be earlier: when it fires too early, it looks again. So a request
// that comes in one piece never touches it.
void connection::arm(time_point when) {
  if (when >= timer_at_ || is_closed_) return;
  timer_at_ = when;
  timer_.expires_at(when);
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& failed) {
    if (failed) return;
    self->go_on([&] {
      self->timer_at_ = never;
      self->notice_reply();
      self->machine_.on_time(steady_clock::now());
    });
  });
}

void connection::close_soon() {
  boost::asio::dispatch(socket_.get_executor(), [self = shared_from_this()] {
    self->go_on([&] {
      self->notice_reply();
      self->machine_.want_close();
      // Whoever writes tells us when it is done.
      auto expected = turn::reply;
      self->turn_.compare_exchange_strong(expected, turn::awaited, std::memory_order_acq_rel);
    });
  });
}

void connection::give_up_arriving() {
  boost::asio::dispatch(socket_.get_executor(), [self = shared_from_this()] {
    self->go_on([&] { self->machine_.give_up_arriving(); });
  });
}

std::optional<time_point> connection::idle_since() const noexcept {
  const auto since = idle_since_.load(std::memory_order_relaxed);
  if (since == not_idle || yields_.load(std::memory_order_relaxed)) return std::nullopt;
  return from_count(since);
}

void connection::close_if_idle(time_point since) {
  yields_.store(true, std::memory_order_relaxed);  // at once, so that the next one in finds another
  boost::asio::post(socket_.get_executor(), [self = shared_from_this(), since] {
    self->yields_.store(false, std::memory_order_relaxed);
    if (self->is_closed_ || self->idle_since() != since) return;
    // A request that comes at this very moment is served: the read that is pending decides.
    self->yields_.store(true, std::memory_order_relaxed);
    self->socket_.cancel();
  });
}

void connection::close_now() {
  boost::asio::dispatch(socket_.get_executor(), [self = shared_from_this()] {
    self->go_on([&] {
      self->notice_reply();
      self->end_now();
    });
  });
}

// Leaves the memory that a pending read may still write to: the read's handler owns this object.
void connection::shut() {
  if (std::exchange(is_closed_, true)) return;
  idle_since_.store(not_idle, std::memory_order_relaxed);
  timer_.cancel();
  boost::system::error_code ignored;
  socket_.close(ignored);
  leave();
}

}  // namespace modal::detail
