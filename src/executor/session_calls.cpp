// SPDX-License-Identifier: Apache-2.0
#include "executor/session_calls.hpp"

#include "door/routes.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace modal::detail {
namespace {

constexpr std::size_t slow_to_free = 4 << 20;
/// How many calls a caller may have under way on one session.
constexpr std::uint32_t most_calls = 1024;

// Is the sink of its own calls, which follow each other: the memory of one is used by the next.
class served_call final : public call_exchange,
                          public call_sink,
                          public std::enable_shared_from_this<served_call> {
 public:
  explicit served_call(std::shared_ptr<door> serves) : door_(std::move(serves)) {}
  ~served_call() override { drop_answer(); }

  result<connection_fsm::terms> open(const call_head& head, std::size_t size,
                                     bool is_complete) override {
    auto admitted = calls().admit(head, encoding::binary, size,
                                  is_complete ? body_state::complete : body_state::arriving);
    if (!admitted) return std::move(admitted).error();
    ticket_ = *std::move(admitted);
    return connection_fsm::terms{.deadline = ticket_->deadline,
                                 .most_bytes = std::min(calls().body_limit(encoding::binary),
                                                        calls().bounds().bytes_in_flight),
                                 .is_payload = true};
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
    if (call_ != nullptr) calls().cancel(*call_);
  }
  void lose() override {
    if (call_ != nullptr) calls().lose(*call_);
  }

  void give_up(errc why) noexcept override {
    segments_.reset();
    ticket_.give_up(why);
  }

  session_reply& answer() noexcept override { return answer_; }

  void drop_answer() noexcept override {
    call_.reset();
    if (answer_.result.holds_objects() || answer_.result.wire_size() >= slow_to_free) {
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
  dispatcher& calls() noexcept { return door_->calls(); }

  const std::shared_ptr<door> door_;
  ticket ticket_;
  std::unique_ptr<segment_memory> segments_;  // of the body that arrives
  call_ptr call_;
  session_reply answer_;
  std::shared_ptr<reply_sink> to_;  // while a reply is awaited
};

class session_calls final : public session_exchange {
 public:
  explicit session_calls(std::shared_ptr<door> serves) : door_(std::move(serves)) {}

  [[nodiscard]] session_hello hello() const override {
    session_hello own;
    own.version = library_version();
    own.build_id = build_id();
    own.calls = most_calls;
    own.payload_bytes = door_->calls().body_limit(encoding::binary);
    own.segment_bytes = static_cast<std::uint32_t>(most_segment);
    return own;
  }

  std::shared_ptr<call_exchange> make_call() override {
    return std::make_shared<served_call>(door_);
  }

 private:
  const std::shared_ptr<door> door_;
};

}  // namespace

std::shared_ptr<session_exchange> make_session_calls(std::shared_ptr<door> serves) {
  return std::make_shared<session_calls>(std::move(serves));
}

}  // namespace modal::detail
