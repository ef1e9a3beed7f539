// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http1/connection_fsm.hpp"
#include "net/open_connection.hpp"

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace modal::detail {

/// A client that speaks HTTP: gives a `connection_fsm` what happens on a socket, and does what that
/// says. All of it runs in `on_events`, on one thread at a time, which may be any: one that runs
/// the loop, or the one that has just made the reply, which so writes it itself, without a word to
/// another thread. What comes from elsewhere is an event.
class connection final : public open_connection, public reply_sink {
 public:
  connection(stream peer, std::shared_ptr<server_state> shared);
  ~connection() override { exchange_->abandon(); }

  /// Says that there are too many connections, and closes.
  void start_refusing() noexcept { shared_->loop->raise(*this, begins | refuses); }

  void on_reply(bool is_made, bool goes_on) noexcept override;

 protected:
  void take_events(events what) override;
  void break_off() noexcept override;

 private:
  using kind = connection_fsm::action::kind;

  void begin(bool is_refused);
  void take_in(events what);
  void advance();
  void perform(const connection_fsm::action& next);
  void open();
  void ask_memory(std::size_t total);
  void find_room(const segment_part& due);
  std::function<void()> make_resume();
  void say(std::string_view line);
  std::size_t read();
  void yield_if_idle();
  void shut() noexcept;
  void become_session(std::shared_ptr<session_exchange> calls);

  void write_reply();
  void make_reply();
  void send();
  void end_reply(bool is_out) noexcept;

  connection_fsm machine_;
  const std::shared_ptr<request_exchange> exchange_;
  std::uint64_t requests_ = 0;  ///< names the present one among all
  bool may_read_ = false;       ///< nothing has said since that it would block
  bool reads_to_end_ = false;   ///< until it would block: a short read proves nothing

  // The reply that is being written, if there is one.
  bool is_sending_ = false;
  bool skips_reply_ = false;  ///< nobody will read it
  std::string head_;
  std::vector<bytes_view> parts_;
  std::span<bytes_view> left_;

  // Set elsewhere.
  std::atomic<std::uint64_t> resumed_for_{0};  ///< the request
  bool is_made_ = false;                       ///< the reply
};

}  // namespace modal::detail
