// SPDX-License-Identifier: Apache-2.0
#include "net/connection.hpp"

#include "net/response_head.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <utility>

namespace modal::detail {
namespace {

using std::chrono::steady_clock;

// A refused body that is smaller than this is read and dropped, to keep the connection; a larger
// one costs more than a new connection.
constexpr std::uint64_t most_discarded = 64 << 10;
constexpr std::size_t most_parts = 64;       // of one system call
constexpr std::size_t most_kept = 64 << 10;  // of the memory for texts, by an idle connection

iovec to_iovec(const void* from, std::size_t size) {
  return {const_cast<void*>(from), size};  // sendmsg does not write
}

}  // namespace

// The heart: goes on with what has arrived, until more must arrive or somebody else has the turn.
void connection::advance() {
  for (bool more = true; more && phase_ != phase::closed;) {
    switch (phase_) {
      case phase::head:
        more = read_head();
        break;
      case phase::body:
        more = read_body();
        break;
      case phase::chunks:
        more = read_chunks();
        break;
      case phase::answer:
        more = answered();
        break;
      case phase::discard:
        more = discard();
        break;
      case phase::linger:
        input_begin_ = input_end_;
        if (is_lost_) shut();
        more = false;
        break;
      case phase::closed:
        break;
    }
  }
  if (phase_ != phase::closed) read();
}

bool connection::read_head() {
  if (is_lost_ || close_wanted_ || shared_->closed.load(std::memory_order_relaxed)) {
    shut();
    return false;
  }
  if (input().empty()) return false;
  switch (reader_.read_head(input())) {
    case request_reader::step::need_more:
      if (since_ == never) since_ = steady_clock::now();
      idle_since_.store(not_idle, std::memory_order_relaxed);
      arm(due());
      return false;
    case request_reader::step::failed:
      close_after_ = true;
      head_only_ = false;
      keeps_old_alive_ = false;
      reply_problem(reader_.failure(), reader_.failure_status());
      return true;
    case request_reader::step::done:
      open_request();
      return true;
  }
  return false;
}

void connection::open_request() {
  const request_head& head = reader_.head();
  close_after_ = !reader_.keeps_alive() || shared_->draining.load(std::memory_order_relaxed);
  keeps_old_alive_ = reader_.is_old() && !close_after_;
  head_only_ = head.method == "HEAD";
  const bool waits = expects_continue(head) && !reader_.is_old();
  const std::uint64_t length = head.content_length.value_or(0);
  const bool is_chunked = head.is_chunked;
  const std::size_t here = input().size() - reader_.head_size();
  const bool is_complete = !is_chunked && length <= here;
  ticket_ = shared_->entrance.open(head, reply_,
                                   is_complete ? body_state::complete : body_state::arriving);
  input_begin_ += reader_.head_size();  // the views in `head` stay valid until the next read
  since_ = never;
  if (!ticket_) {
    const bool has_body = is_chunked || length != 0;
    discard_left_ = 0;
    if (has_body && !is_chunked && !waits && length <= most_discarded)
      discard_left_ = length;
    else if (has_body)
      close_after_ = true;
    reply_now();
    return;
  }
  body_ = {};
  body_length_ = static_cast<std::size_t>(length);
  body_size_ = 0;
  granted_ = is_complete ? body_length_ : 0;
  is_paused_ = false;
  phase_ = is_chunked ? phase::chunks : phase::body;
  if (waits && !is_complete && (is_chunked ? input().empty() : true)) {
    constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    // Nothing else is on its way to the client, so that 25 bytes always fit.
    if (::send(fd_, go_on.data(), go_on.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) is_lost_ = true;
  }
}

void connection::submit() {
  since_ = never;
  rate_.stop();
  begin_answer();
  call_ =
      shared_->entrance.calls().submit(std::move(ticket_), std::move(body_), shared_from_this());
}

// Returns whether the answer is out and the next request may begin.
bool connection::answered() {
  if (turn_.load(std::memory_order_acquire) != turn::io) {
    if (is_lost_ && call_ != nullptr) {
      skip_write_.store(true, std::memory_order_relaxed);
      shared_->entrance.calls().cancel(*call_);
    }
    auto expected = turn::answer;
    const bool must_wake = is_lost_ || !input().empty();
    if (!must_wake) return false;
    // Whoever writes tells us when it is done, unless it just was.
    if (turn_.load(std::memory_order_acquire) == turn::awaited ||
        turn_.compare_exchange_strong(expected, turn::awaited, std::memory_order_acq_rel) ||
        expected == turn::awaited)
      return false;
  }
  call_.reset();
  if (is_lost_ || write_failed_) {
    shut();
    return false;
  }
  if (close_after_ || close_wanted_) {
    close_after_linger();
    return true;
  }
  phase_ = discard_left_ != 0 ? phase::discard : phase::head;
  since_ = never;
  return true;
}

bool connection::discard() {
  const auto here =
      static_cast<std::size_t>(std::min<std::uint64_t>(discard_left_, input().size()));
  input_begin_ += here;
  discard_left_ -= here;
  if (discard_left_ == 0) {
    phase_ = phase::head;
    since_ = never;
    return true;
  }
  if (is_lost_) {
    shut();
    return false;
  }
  if (since_ == never) {
    since_ = steady_clock::now();
    arm(due());
  }
  return false;
}

void connection::reply_problem(const error& reason, int status) {
  ticket_.give_up(reason.value());
  body_ = {};
  door::write_problem(reason, reply_, status);
  reply_now();
}

void connection::reply_now() {
  call_.reset();
  begin_answer();
  views_.clear();
  if (!reply_.body.empty()) views_.push_back(std::as_bytes(std::span(reply_.body)));
  write_out(reply_.body.size());
}

void connection::begin_answer() {
  phase_ = phase::answer;
  turn_.store(turn::answer, std::memory_order_relaxed);
}

void connection::on_answer(const call_answer& answer) noexcept {
  try {
    door::write_answer(answer, reply_);
    views_.clear();
    result_memory_ = answer.memory;
    if (answer.binary != nullptr) {
      result_ = std::move(*answer.binary);
      result_.gather(views_);
      write_out(result_.wire_size());
    } else {
      if (!reply_.body.empty()) views_.push_back(std::as_bytes(std::span(reply_.body)));
      write_out(reply_.body.size());
    }
  } catch (...) {  // no memory for the answer: the client sees the connection close
    write_failed_ = true;
    finish_answer();
  }
}

void connection::write_out(std::size_t body_size) noexcept {
  try {
    auto option = connection_option::none;
    if (close_after_) option = connection_option::close;
    if (keeps_old_alive_) option = connection_option::keep_alive;
    write_response_head(head_, reply_, body_size, option);
    parts_.clear();
    parts_.push_back(to_iovec(head_.data(), head_.size()));
    if (!head_only_ && reply_.status != 304)
      for (const auto view : views_)
        if (!view.empty()) parts_.push_back(to_iovec(view.data(), view.size()));
    next_part_ = 0;
    sent result = skip_write_.load(std::memory_order_relaxed) ? sent::failed : send_parts();
    if (result == sent::part) {
      boost::asio::post(socket_.get_executor(), [self = shared_from_this()] {
        self->is_writing_ = true;
        self->since_ = steady_clock::now();
        self->rate_.begin(self->since_);
        self->arm(self->due());
        self->write_rest();
      });
      return;
    }
    write_failed_ = result == sent::failed;
  } catch (...) {
    write_failed_ = true;
  }
  finish_answer();
}

connection::sent connection::send_parts() noexcept {
  while (next_part_ < parts_.size()) {
    msghdr message{};
    message.msg_iov = parts_.data() + next_part_;
    message.msg_iovlen = std::min(parts_.size() - next_part_, most_parts);
    const ssize_t written = ::sendmsg(fd_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (written < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN || errno == EWOULDBLOCK ? sent::part : sent::failed;
    }
    auto left = static_cast<std::size_t>(written);
    if (is_writing_) rate_.add(left);
    while (next_part_ < parts_.size() && left >= parts_[next_part_].iov_len)
      left -= parts_[next_part_++].iov_len;
    if (left != 0) {
      iovec& cut = parts_[next_part_];
      cut = to_iovec(static_cast<const char*>(cut.iov_base) + left, cut.iov_len - left);
    }
  }
  return sent::all;
}

// Gives the turn back. The last thing that a thread other than the I/O thread does here.
void connection::finish_answer() noexcept {
  result_.clear();
  result_memory_.reset();
  if (reply_.body.capacity() > most_kept) reply_.body = {};
  idle_since_.store(steady_clock::now().time_since_epoch().count(), std::memory_order_relaxed);
  const bool needs_io =
      close_after_ || write_failed_ || shared_->draining.load(std::memory_order_relaxed);
  auto expected = turn::answer;
  if (!needs_io && turn_.compare_exchange_strong(expected, turn::io, std::memory_order_acq_rel))
    return;
  boost::asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->turn_.store(turn::io, std::memory_order_relaxed);
    self->advance();
  });
}

void connection::write_rest() {
  if (phase_ == phase::closed) return;
  const sent result = is_lost_ ? sent::failed : send_parts();
  if (result == sent::part) {
    socket_.async_wait(socket::wait_write,
                       [self = shared_from_this()](const boost::system::error_code& failed) {
                         if (self->phase_ == phase::closed) return;
                         self->since_ = steady_clock::now();
                         if (failed) self->is_lost_ = true;
                         self->write_rest();
                       });
    return;
  }
  is_writing_ = false;
  rate_.stop();
  write_failed_ = result == sent::failed;
  since_ = never;
  result_.clear();
  result_memory_.reset();
  if (reply_.body.capacity() > most_kept) reply_.body = {};
  idle_since_.store(steady_clock::now().time_since_epoch().count(), std::memory_order_relaxed);
  turn_.store(turn::io, std::memory_order_relaxed);
  advance();
}

}  // namespace modal::detail
