// SPDX-License-Identifier: Apache-2.0
// How a connection writes replies: on the thread that made them, as far as the socket takes them at
// once, and the rest on the I/O thread.
#include "net/connection.hpp"

#include <algorithm>
#include <cerrno>
#include <span>
#include <sys/socket.h>
#include <utility>

namespace modal::detail {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t most_parts = 64;       // of one system call
constexpr std::size_t most_kept = 64 << 10;  // of the memory for texts, by an idle connection

iovec to_iovec(const void* from, std::size_t size) {
  return {const_cast<void*>(from), size};  // sendmsg does not write
}

}  // namespace

void outgoing_reply::clear() noexcept {
  result.clear();
  has_result = false;
  memory.reset();
  if (head.body.capacity() > most_kept) head.body = {};
}

// What the writing thread is to know of the machine, which is the I/O thread's.
void connection::begin_reply() {
  closes_ = machine_.closes_after_reply();
  is_head_only_ = machine_.is_head_only();
  option_ = closes_                      ? connection_option::close
            : machine_.keeps_old_alive() ? connection_option::keep_alive
                                         : connection_option::none;
  is_write_failed_ = false;
  turn_.store(turn::reply, std::memory_order_relaxed);
}

void connection::reply_now() {
  begin_reply();
  write_out();
}

void connection::on_reply(bool is_made) noexcept {
  if (is_made) return write_out();
  is_write_failed_ = true;
  finish_reply();
}

void connection::write_out() noexcept {
  try {
    outgoing_reply& answer = exchange_->answer();
    const std::size_t body_size =
        answer.has_result ? answer.result.wire_size() : answer.head.body.size();
    views_.clear();
    if (answer.has_result)
      answer.result.gather(views_);
    else if (body_size != 0)
      views_.push_back(std::as_bytes(std::span(answer.head.body)));
    write_response_head(head_, answer.head, body_size, option_);
    parts_.clear();
    parts_.push_back(to_iovec(head_.data(), head_.size()));
    if (!is_head_only_ && answer.head.status != 304)
      for (const auto view : views_)
        if (!view.empty()) parts_.push_back(to_iovec(view.data(), view.size()));
    next_part_ = 0;
    const sent result = skips_write_.load(std::memory_order_relaxed) ? sent::failed : send_parts();
    if (result == sent::part) {
      return post([](connection& self) {
        self.go_on([&] {
          self.is_writing_ = true;
          self.machine_.on_writing(steady_clock::now());
          self.write_rest();
        });
      });
    }
    is_write_failed_ = result == sent::failed;
  } catch (...) {  // no memory: the client sees the connection close
    is_write_failed_ = true;
  }
  finish_reply();
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
    if (is_writing_) machine_.on_written(left, steady_clock::now());
    while (next_part_ < parts_.size() && left >= parts_[next_part_].iov_len)
      left -= parts_[next_part_++].iov_len;
    if (left != 0) {
      iovec& cut = parts_[next_part_];
      cut = to_iovec(static_cast<const char*>(cut.iov_base) + left, cut.iov_len - left);
    }
  }
  return sent::all;
}

void connection::let_go_of_reply() noexcept {
  exchange_->answer().clear();
  idle_since_.store(steady_clock::now().time_since_epoch().count(), std::memory_order_relaxed);
}

// Gives the turn back. The last thing that a thread other than the I/O thread does here.
void connection::finish_reply() noexcept {
  let_go_of_reply();
  const bool needs_io =
      closes_ || is_write_failed_ || shared_->draining.load(std::memory_order_relaxed);
  auto expected = turn::reply;
  if (!needs_io && turn_.compare_exchange_strong(expected, turn::io, std::memory_order_acq_rel))
    return;
  post([](connection& self) {
    self.turn_.store(turn::io, std::memory_order_relaxed);
    self.go_on([] {});
  });
}

void connection::write_rest() {
  const sent result = skips_write_.load(std::memory_order_relaxed) ? sent::failed : send_parts();
  if (result == sent::part) {
    socket_.async_wait(socket::wait_write,
                       [self = shared_from_this()](const boost::system::error_code& failed) {
                         self->go_on([&] {
                           if (failed) self->machine_.on_end();
                           self->write_rest();
                         });
                       });
    return;
  }
  is_writing_ = false;
  is_write_failed_ = result == sent::failed;
  let_go_of_reply();
  turn_.store(turn::io, std::memory_order_relaxed);
}

}  // namespace modal::detail
