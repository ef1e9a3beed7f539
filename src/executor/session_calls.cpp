// SPDX-License-Identifier: Apache-2.0
#include "executor/session_calls.hpp"

#include "door/routes.hpp"
#include "executor/entered_call.hpp"

#include <new>
#include <utility>

namespace modal::detail {
namespace {

/// How many calls a caller may have under way on one session.
constexpr std::uint32_t most_calls = 1024;

// Is the sink of its own calls, which follow each other: the memory of one is used by the next.
class served_call final : public call_exchange,
                          public call_sink,
                          public std::enable_shared_from_this<served_call> {
 public:
  served_call(std::shared_ptr<door> serves, principal_ptr caller)
      : door_(std::move(serves)), caller_(std::move(caller)), entered_(door_->calls()) {}
  ~served_call() override { drop_answer(); }

  result<connection_fsm::terms> open(const call_head& head, callee known, std::size_t size,
                                     bool is_complete) override {
    auto admitted = door_->calls().admit(head, encoding::binary, size,
                                         is_complete ? body_state::complete : body_state::arriving,
                                         caller_, static_cast<served_function*>(known));
    if (!admitted) return std::move(admitted).error();
    entered_.take(*std::move(admitted));
    return entered_.terms();
  }

  [[nodiscard]] callee function() const noexcept override { return entered_.admitted()->target; }

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

  void cancel() override { entered_.cancel(); }
  void lose() override { entered_.lose(); }
  void give_up(errc why) noexcept override { entered_.give_up(why); }

  session_reply& answer() noexcept override { return answer_; }

  void drop_answer() noexcept override {
    entered_.forget();
    entered_.end_result(answer_.result, answer_.memory);
    answer_.clear();
  }

  void on_answer(const call_answer& answer) noexcept override {
    bool is_made = true;
    try {
      answer_.report = answer.report;
      if (answer.failure != nullptr)
        answer_.failure = *answer.failure;
      else
        answer_.result = std::move(*answer.binary);
      answer_.memory = answer.memory;
    } catch (const std::bad_alloc&) {
      is_made = false;
    }
    // The next call may be here before this returns.
    const auto to = std::move(to_);
    to->on_reply(is_made, answer.goes_on);
  }

 private:
  const std::shared_ptr<door> door_;
  const principal_ptr caller_;
  entered_call entered_;
  session_reply answer_;
  std::shared_ptr<reply_sink> to_;  // while a reply is awaited
};

class session_calls final : public session_exchange {
 public:
  session_calls(std::shared_ptr<door> serves, principal_ptr caller, const peer_origin& origin)
      : door_(std::move(serves)), caller_(std::move(caller)), origin_(origin) {}

  [[nodiscard]] session_hello hello() const override {
    session_hello own;
    own.version = library_version();
    own.build_id = build_id();
    own.calls = most_calls;
    own.payload_bytes = door_->calls().body_limit(encoding::binary);
    own.segment_bytes = static_cast<std::uint32_t>(most_segment);
    own.local_name = origin_.local_name;
    own.local_token = origin_.local_token;
    return own;
  }

  std::shared_ptr<call_exchange> make_call() override {
    return std::make_shared<served_call>(door_, caller_);
  }

 private:
  const std::shared_ptr<door> door_;
  const principal_ptr caller_;
  const peer_origin origin_;
};

}  // namespace

std::shared_ptr<session_exchange> make_session_calls(std::shared_ptr<door> serves,
                                                     principal_ptr caller,
                                                     const peer_origin& origin) {
  return std::make_shared<session_calls>(std::move(serves), std::move(caller), origin);
}

}  // namespace modal::detail
