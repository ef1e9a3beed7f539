// SPDX-License-Identifier: Apache-2.0
#include "executor/door_handler.hpp"

#include <modal/function/device_transfer.hpp>

#include "executor/session_calls.hpp"
#include "http1/body_assembler.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace modal::detail {
namespace {

constexpr std::size_t slow_to_free = 4 << 20;

// What has memory of its own on its way to a device is never packed with others there.
static_assert(body_assembler::large_segment >= device_uploads::large);

// Is the sink of its own calls: one at a time, so that the reply's memory is used again and again.
class door_exchange final : public request_exchange,
                            public call_sink,
                            public std::enable_shared_from_this<door_exchange> {
 public:
  explicit door_exchange(std::shared_ptr<door> serves) : door_(std::move(serves)) {}
  ~door_exchange() override { drop_answer(); }

  std::optional<connection_fsm::terms> open(const request_head& head, bool is_complete) override {
    answer_.has_result = false;
    auto opened = door_->open({.head = head}, answer_.head,
                              is_complete ? body_state::complete : body_state::arriving);
    ticket_ = std::move(opened.admitted);
    wants_session_ = opened.wants_session;
    if (!ticket_) return std::nullopt;
    answer_fields_ = std::move(opened.answer_fields);
    return connection_fsm::terms{.deadline = ticket_->deadline,
                                 .most_bytes = std::min(calls().body_limit(ticket_->encoding),
                                                        calls().bounds().bytes_in_flight),
                                 .is_payload = ticket_->encoding == encoding::binary};
  }

  std::shared_ptr<session_exchange> take_session() override {
    return std::exchange(wants_session_, false) ? make_session_calls(door_) : nullptr;
  }

  result<bool> ask_memory(std::size_t total, std::function<void()> resume) override {
    return calls().request_memory(ticket_, total, std::move(resume));
  }

  result<std::span<std::byte>> find_room(const segment_part& due,
                                         std::function<void()> resume) override {
    try {
      if (segments_ == nullptr) segments_ = calls().make_segment_memory(ticket_);
      return segments_->find_room(due, std::move(resume));
    } catch (const std::bad_alloc&) {
      return error(errc::queue_full, "no memory for the call's body");
    }
  }

  void submit(incoming_body body, std::shared_ptr<reply_sink> to) override {
    to_ = std::move(to);
    body.keep(std::move(segments_));
    call_ = calls().submit(std::move(ticket_), std::move(body), shared_from_this(),
                           submitter::goes_back);
  }

  void cancel() override {
    if (call_ != nullptr) calls().lose(*call_);
  }

  void fail(const error& reason, int status) override {
    error told = reason;
    if (ticket_) {
      if (told.details().function.empty()) told.details().function = ticket_->head.function;
      if (told.details().call_id.empty()) told.details().call_id = ticket_->head.id.to_string();
    }
    segments_.reset();
    ticket_.give_up(reason.value());
    answer_.has_result = false;
    door::write_problem(told, answer_.head, status);
  }

  void abandon() noexcept override {
    segments_.reset();
    ticket_.give_up(errc::cancelled);
    call_.reset();
  }

  outgoing_reply& answer() noexcept override { return answer_; }

  void drop_answer() noexcept override {
    if (answer_.has_result &&
        (answer_.result.holds_objects() || answer_.result.wire_size() >= slow_to_free)) {
      auto last = answer_.result.take_kept();
      try {
        last.push_back(std::move(answer_.memory));  // it is held until then
      } catch (const std::bad_alloc&) {
      }
      calls().end_aside(std::move(last));
    }
    answer_.clear();
  }

  void on_answer(const call_answer& answer) noexcept override {
    bool is_made = true;
    try {
      door::write_answer(answer, answer_fields_, answer_.head);
      answer_.has_result = answer.failure == nullptr && answer.binary != nullptr;
      if (answer_.has_result) answer_.result = std::move(*answer.binary);
      answer_.memory = answer.memory;
    } catch (...) {  // no memory: the client sees the connection close
      is_made = false;
    }
    // The reply may be out, and the next request here, before this returns.
    const auto to = std::move(to_);
    to->on_reply(is_made, answer.goes_on);
  }

 private:
  dispatcher& calls() noexcept { return door_->calls(); }

  const std::shared_ptr<door> door_;
  bool wants_session_ = false;
  ticket ticket_;
  std::unique_ptr<segment_memory> segments_;  // of the body that arrives
  call_ptr call_;
  std::string answer_fields_;
  outgoing_reply answer_;
  std::shared_ptr<reply_sink> to_;  // while a reply is awaited
};

class door_handler final : public request_handler {
 public:
  explicit door_handler(std::shared_ptr<door> serves) : door_(std::move(serves)) {}
  std::shared_ptr<request_exchange> connect() override {
    return std::make_shared<door_exchange>(door_);
  }

 private:
  const std::shared_ptr<door> door_;
};

}  // namespace

std::shared_ptr<request_handler> make_door_handler(std::shared_ptr<door> serves) {
  return std::make_shared<door_handler>(std::move(serves));
}

}  // namespace modal::detail
