// SPDX-License-Identifier: Apache-2.0
// How a connection takes in a call's body: as its bytes come, and as far as there is memory for
// them.
#include "net/connection.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace modal::detail {
namespace {

using std::chrono::steady_clock;

// Of a large body: what memory is granted for at a time.
constexpr std::size_t body_piece = 2 << 20;

}  // namespace

// Asks for memory for `total` bytes of the body. While there is none the body is not read, and the
// client is not to blame for the time.
connection::grant connection::ask_memory(std::size_t total) {
  if (total <= granted_) return grant::given;
  // Runs with the dispatcher's lock held, so that this object must not end there: the last owner is
  // the handler. Until then the timer of the deadline owns it.
  const auto given =
      shared_->entrance.calls().request_memory(ticket_, total, [weak = weak_from_this(), total] {
        auto self = weak.lock();
        if (self == nullptr) return;
        const auto lane = self->lane();
        boost::asio::post(lane, [self = std::move(self), total] { self->on_memory(total); });
      });
  if (!given) {
    close_after_ = true;
    reply_problem(given.error());
    return grant::refused;
  }
  if (!*given) {
    is_paused_ = true;
    told_at_ = steady_clock::now();
    rate_.pause(told_at_);
    return grant::paused;
  }
  granted_ = total;
  return grant::given;
}

void connection::on_memory(std::size_t total) {
  // The request may be over, and another one begun, which has not paused.
  if (!is_paused_ || (phase_ != phase::body && phase_ != phase::chunks)) return;
  is_paused_ = false;
  granted_ = total;
  const auto now = steady_clock::now();
  rate_.resume(now);
  since_ = now;
  advance();
}

// What is left to do where a body is not all here. Returns whether to go on at once.
bool connection::wait_for_body() {
  if (is_lost_) {
    shut();
    return false;
  }
  if (since_ == never) {
    since_ = steady_clock::now();
    rate_.begin(since_);
    if (is_paused_) rate_.pause(since_);
  }
  arm(due());
  return false;
}

bool connection::read_body() {
  while (body_size_ < body_length_ && !is_paused_) {
    // Memory is taken for bytes that come, not for those that are promised.
    if (input().empty() && (body_size_ == 0 || granted_ > body_size_)) break;
    if (granted_ == body_size_) {
      const std::size_t step = body_length_ <= body_piece ? body_length_ : body_piece;
      const auto given = ask_memory(std::min(body_length_, body_size_ + step));
      if (given == grant::refused) return true;
      if (given == grant::paused) break;
    }
    if (body_.data() == nullptr) {
      try {
        body_ = shared_->pool.take(body_length_);
      } catch (const std::bad_alloc&) {
        close_after_ = true;
        reply_problem(error(errc::queue_full, "no memory for the call's body"));
        return true;
      }
    }
    const std::size_t here = std::min(granted_ - body_size_, input().size());
    std::memcpy(body_.data() + body_size_, input().data(), here);
    input_begin_ += here;
    body_size_ += here;
    rate_.add(here);
  }
  if (body_size_ == body_length_) {
    submit();
    return true;
  }
  return wait_for_body();
}

bool connection::read_chunks() {
  if (is_paused_) return wait_for_body();
  const std::size_t most = shared_->entrance.calls().body_limit(ticket_->encoding);
  const auto given = ask_memory(std::min(most, body_size_ + input().size()));
  if (given == grant::refused) return true;
  if (given == grant::paused) return wait_for_body();
  pieces_.clear();
  std::size_t used = 0;
  const auto step = reader_.read_chunks(input(), pieces_, used);
  for (const auto piece : pieces_)
    if (!append_chunk(piece)) return true;
  input_begin_ += used;
  if (step == request_reader::step::done) {
    if (body_.data() != nullptr) body_.resize(body_size_);
    submit();
    return true;
  }
  if (step == request_reader::step::failed) {
    close_after_ = true;
    reply_problem(reader_.failure(), reader_.failure_status());
    return true;
  }
  return wait_for_body();
}

bool connection::append_chunk(std::string_view piece) {
  const std::size_t needed = body_size_ + piece.size();
  // Granted before the pieces were read, but for what is above the limit.
  if (ask_memory(needed) != grant::given) return false;
  if (needed > body_.capacity()) {
    try {
      buffer grown = shared_->pool.take(std::max(needed, 2 * body_.capacity()));
      if (body_size_ != 0) std::memcpy(grown.data(), body_.data(), body_size_);
      body_ = std::move(grown);
    } catch (const std::bad_alloc&) {
      close_after_ = true;
      reply_problem(error(errc::queue_full, "no memory for the call's body"));
      return false;
    }
  }
  std::memcpy(body_.data() + body_size_, piece.data(), piece.size());
  body_size_ = needed;
  rate_.add(piece.size());
  return true;
}

}  // namespace modal::detail
