// SPDX-License-Identifier: Apache-2.0
// How a connection writes replies: as far as the socket takes them at once, and the rest as it
// does.
#include "net/connection.hpp"

#include <utility>

namespace modal::detail {
namespace {

constexpr std::size_t most_in_turn = 1 << 20;
constexpr std::size_t most_kept = 64 << 10;  // of the memory for texts, by an idle connection

}  // namespace

void outgoing_reply::clear() noexcept {
  result.clear();
  has_result = false;
  memory.reset();
  if (head.body.capacity() > most_kept) give_back(head.body);
}

// On the thread that made the reply, unless another one is telling this something.
void connection::on_reply(bool is_made, bool /*goes_on*/) noexcept {
  is_made_ = is_made;
  shared_->loop->raise(*this, replied);
}

void connection::write_reply() {
  if (!is_made_ || skips_reply_) return end_reply(false);
  try {
    make_reply();
  } catch (const std::bad_alloc&) {  // the client sees the connection close
    return end_reply(false);
  }
  send();
}

void connection::make_reply() {
  outgoing_reply& answer = exchange_->answer();
  parts_.clear();
  parts_.emplace_back();  // the head
  if (answer.has_result)
    answer.result.gather(parts_);
  else
    parts_.push_back(std::as_bytes(std::span(answer.head.body)));
  const auto option = machine_.closes_after_reply() ? connection_option::close
                      : machine_.keeps_old_alive()  ? connection_option::keep_alive
                                                    : connection_option::none;
  write_response_head(head_, answer.head,
                      answer.has_result ? answer.result.wire_size() : answer.head.body.size(),
                      option);
  parts_.front() = std::as_bytes(std::span(head_));
  left_ = parts_;
  if (machine_.is_head_only() || answer.head.status == 304) left_ = left_.first(1);
}

void connection::send() {
  std::size_t bytes = 0;
  while (!left_.empty()) {
    const bool has_had_turn = bytes >= most_in_turn;
    const auto sent =
        has_had_turn ? io_result{.what = io_result::kind::would_block} : socket_.try_write(left_);
    if (sent.what == io_result::kind::would_block) {
      if (!std::exchange(is_sending_, true)) machine_.on_writing(now_);
      if (has_had_turn) shared_->loop->tell(shared_from_this(), goes_on);
      return;
    }
    if (sent.what != io_result::kind::some) return end_reply(false);
    bytes += sent.size;
    if (is_sending_) machine_.on_written(sent.size, now_);
    consume(left_, sent.size);
  }
  end_reply(true);
}

void connection::end_reply(bool is_out) noexcept {
  is_sending_ = false;
  left_ = {};
  exchange_->drop_answer();
  exchange_->abandon();
  machine_.on_replied(is_out, now_);
  set_idle(machine_.is_idle() ? std::optional(machine_.idle_since()) : std::nullopt);
}

}  // namespace modal::detail
