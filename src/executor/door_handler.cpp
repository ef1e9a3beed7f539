// SPDX-License-Identifier: Apache-2.0
#include "executor/door_handler.hpp"

#include "executor/entered_call.hpp"
#include "executor/session_calls.hpp"

#include <new>
#include <string>
#include <utility>

namespace modal::detail {
namespace {

// Is the sink of its own calls: one at a time, so that the reply's memory is used again and again.
class door_exchange final : public request_exchange,
                            public call_sink,
                            public std::enable_shared_from_this<door_exchange> {
 public:
  door_exchange(std::shared_ptr<door> serves, const peer_origin& origin)
      : door_(std::move(serves)), origin_(origin), entered_(door_->calls()) {
    if (origin.user) caller_ = std::make_shared<principal>("uid:" + std::to_string(*origin.user));
  }
  ~door_exchange() override { drop_answer(); }

  std::optional<connection_fsm::terms> open(const request_head& head, bool is_complete) override {
    answer_.has_result = false;
    auto opened = door_->open({.head = head, .caller = caller_}, answer_.head,
                              is_complete ? body_state::complete : body_state::arriving);
    entered_.take(std::move(opened.admitted));
    wants_session_ = opened.wants_session;
    if (!entered_.admitted()) return std::nullopt;
    answer_fields_ = std::move(opened.answer_fields);
    return entered_.terms();
  }

  std::shared_ptr<session_exchange> take_session() override {
    if (!std::exchange(wants_session_, false)) return nullptr;
    return make_session_calls(door_, caller_, origin_);
  }

  result<bool> ask_memory(std::size_t total, std::function<void()> resume) override {
    return entered_.ask_memory(total, std::move(resume));
  }

  result<std::span<std::byte>> find_room(const segment_part& due,
                                         std::function<void()> resume) override {
    return entered_.find_room(due, std::move(resume));
  }

  void submit(incoming_body body, std::shared_ptr<reply_sink> to) override {
    to_ = std::move(to);
    entered_.submit(std::move(body), shared_from_this());
  }

  void cancel() override { entered_.lose(); }

  void fail(const error& reason, int status) override {
    error told = reason;
    if (const ticket& which = entered_.admitted()) {
      if (told.details().function.empty()) told.details().function = which->head.function;
      if (told.details().call_id.empty()) told.details().call_id = which->head.id.to_string();
    }
    entered_.give_up(reason.value());
    answer_.has_result = false;
    door::write_problem(told, answer_.head, status);
  }

  void abandon() noexcept override {
    entered_.give_up(errc::cancelled);
    entered_.forget();
  }

  outgoing_reply& answer() noexcept override { return answer_; }

  void drop_answer() noexcept override {
    if (answer_.has_result) entered_.end_result(answer_.result, answer_.memory);
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
  const std::shared_ptr<door> door_;
  const peer_origin origin_;
  principal_ptr caller_;
  bool wants_session_ = false;
  entered_call entered_;
  std::string answer_fields_;
  outgoing_reply answer_;
  std::shared_ptr<reply_sink> to_;  // while a reply is awaited
};

class door_handler final : public request_handler {
 public:
  explicit door_handler(std::shared_ptr<door> serves) : door_(std::move(serves)) {}
  std::shared_ptr<request_exchange> connect(const peer_origin& origin) override {
    return std::make_shared<door_exchange>(door_, origin);
  }

 private:
  const std::shared_ptr<door> door_;
};

}  // namespace

std::shared_ptr<request_handler> make_door_handler(std::shared_ptr<door> serves) {
  return std::make_shared<door_handler>(std::move(serves));
}

}  // namespace modal::detail
