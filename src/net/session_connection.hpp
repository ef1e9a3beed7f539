// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/session/session_fsm.hpp>

#include "http1/body_assembler.hpp"
#include "net/open_connection.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace modal::detail {

/// A client on a session: gives a `session_fsm` what happens on a socket, and does what that says,
/// as a `connection` does. What workers have answered is collected, and written by whoever tells
/// this something.
class session_connection final : public open_connection {
 public:
  session_connection(std::shared_ptr<server_state> shared, std::shared_ptr<session_exchange> calls);
  ~session_connection() override;

  /// Serves the session on `socket`, which HTTP has left behind. @param ahead what came already.
  void start(stream socket, std::string_view ahead);

 protected:
  void take_events(events what) override;
  void break_off() noexcept override { shut(); }

 private:
  using kind = session_fsm::kind;

  /// What belongs to the number of a call.
  struct slot final : reply_sink {
    slot(session_connection& of, std::uint32_t which, std::shared_ptr<call_exchange> calls)
        : owner(of), number(which), exchange(std::move(calls)), body(of.shared_->pool) {}
    void on_reply(bool is_made, bool goes_on) noexcept override;

    enum class state : std::uint8_t { free, arriving, submitted, sending };

    session_connection& owner;
    const std::uint32_t number;
    const std::shared_ptr<call_exchange> exchange;
    state at = state::free;
    std::uint32_t function = 0;
    time_point deadline = never;
    body_assembler body;
    std::size_t length = 0;        ///< of the body
    std::size_t granted = 0;       ///< bytes of it that there is memory for
    std::vector<std::byte> ahead;  ///< bytes of it that came before there was room
    bool is_paused = false;        ///< it waits for memory, or room
    std::uint64_t serial = 0;      ///< of the call, among all on this number

    // Set elsewhere.
    std::atomic<std::uint64_t> resumed_for{0};
    bool is_made = false;
    slot* next_answered = nullptr;
  };

  /// A function that has a number.
  struct numbered_function {
    std::string name;
    signature_id signature;
    callee known;
  };

  void greet();
  void take_in(events what);
  void advance();
  bool perform_all();
  void perform(const session_fsm::event& told);
  void open(const session_fsm::event& told);
  void feed(slot& which, bytes_view bytes);
  void supply(slot& which);
  void give_credit(slot& which, std::size_t most);
  bool has_memory(slot& which);
  bool has_room(slot& which);
  std::function<void()> make_resume(slot& which);
  void resume_paused();
  void end_late();
  void submit(slot& which);
  void refuse(slot& which, const error& reason);
  void send_failure(slot& which, const error& reason);
  void cancel(slot& which);
  void collect_answers();
  void answer(slot& which);
  void release(slot& which) noexcept;
  std::uint32_t number_of(const call_head& head, callee known);
  slot& slot_of(std::uint32_t call);
  std::size_t read();
  void flush();
  void begin_linger();
  bool linger();
  void shut() noexcept;
  [[nodiscard]] time_point due() const noexcept;
  [[nodiscard]] bool is_to_trim() const noexcept {
    return machine_.is_idle() && machine_.idle_since() != trimmed_of_;
  }

  const std::shared_ptr<session_exchange> calls_;
  session_fsm machine_;
  std::vector<std::unique_ptr<slot>> slots_;  // by number
  std::vector<slot*> arriving_;
  std::vector<numbered_function> functions_;  // number n at n - 1
  std::vector<bytes_view> parts_;
  call_head head_;  // its memory is used again
  bool may_read_ = false;
  bool may_write_ = true;
  bool reads_to_end_ = false;
  bool is_lingering_ = false;
  time_point trimmed_of_ = never;  ///< since when it was idle when memory was given back last
  time_point quick_until_ = time_point::min();  ///< calls have come that fit into their frames
  time_point linger_until_ = never;
  std::size_t linger_left_ = 0;

  std::atomic<std::size_t> submitted_{0};  ///< calls that are to be answered
  std::atomic<slot*> answered_{nullptr};   // set by those who answer
};

}  // namespace modal::detail
