// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/bytes.hpp>
#include <modal/base/clock.hpp>
#include <modal/base/mutex.hpp>
#include <modal/net/stream.hpp>

#include "http1/connection_fsm.hpp"
#include "net/event_loop.hpp"
#include "net/request_handler.hpp"
#include "net/scribe.hpp"
#include "net/server.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace modal::detail {

class connection;

/// What connections share. Owners: the server and every connection.
struct server_state {
  server_state(std::shared_ptr<request_handler> serves, const server_config& settings)
      : handler(std::move(serves)),
        loop(settings.loop),
        bounds(settings.bounds),
        log(settings.log),
        count(settings.open) {}

  const std::shared_ptr<request_handler> handler;
  const std::shared_ptr<event_loop> loop;
  const limits bounds;
  scribe log;
  buffer_pool pool;
  std::atomic<bool> draining{false};
  const std::shared_ptr<std::atomic<std::size_t>> count;

  detail::mutex mutex;
  condition_variable all_gone;
  std::unordered_set<connection*> open MODAL_GUARDED_BY(mutex);
  std::size_t alive MODAL_GUARDED_BY(mutex) = 0;  ///< connections that are open, or still told of
};

/// One client: gives a `connection_fsm` what happens on a socket, and does what that says. All of
/// it runs in `on_events`, on one thread at a time, which may be any: one that runs the loop, or
/// the one that has just made the reply, which so writes it itself, without a word to another
/// thread. What comes from elsewhere is an event.
class connection final : public event_loop::target, public reply_sink {
 public:
  connection(stream peer, std::shared_ptr<server_state> shared);
  ~connection() override;

  /// Serves requests until the client or the server ends the connection.
  void start() noexcept { shared_->loop->raise(*this, begins); }

  /// Says that there are too many connections, and closes.
  void start_refusing() noexcept { shared_->loop->raise(*this, begins | refuses); }

  /// Closes: at once where no answer is owed, else after it.
  void close_soon() noexcept { shared_->loop->raise(*this, closes_soon); }

  /// Closes, whatever is under way. **Precondition**: all calls are answered.
  void close_now() noexcept { shared_->loop->raise(*this, closes_now); }

  /// Returns since when this has had no call and no request in the making; nothing where it has
  /// one, or is about to close. What it says may be over already.
  [[nodiscard]] std::optional<time_point> idle_since() const noexcept;

  /// Closes, unless a call or a request has come since that time. Returns false where one has come
  /// already.
  bool close_if_idle(time_point since) noexcept;

  void on_reply(bool is_made) noexcept override;

 protected:
  void on_events(event_loop::events what) noexcept override;

 private:
  using events = event_loop::events;
  using kind = connection_fsm::action::kind;
  static constexpr events begins = event_loop::first_own << 0;
  static constexpr events refuses = event_loop::first_own << 1;
  static constexpr events replied = event_loop::first_own << 2;
  static constexpr events resumed = event_loop::first_own << 3;
  static constexpr events yields = event_loop::first_own << 4;
  static constexpr events closes_soon = event_loop::first_own << 5;
  static constexpr events closes_now = event_loop::first_own << 6;
  static constexpr events goes_on = event_loop::first_own << 7;

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
  void arm(time_point when);
  void give_up(const char* why) noexcept;
  void shut() noexcept;
  void leave() noexcept;
  void set_idle(std::optional<time_point> since) noexcept;

  void write_reply();
  void make_reply();
  void send();
  void end_reply(bool is_out) noexcept;

  const std::shared_ptr<server_state> shared_;
  stream socket_;
  connection_fsm machine_;
  const std::shared_ptr<request_exchange> exchange_;
  time_point now_;  ///< of the events that are being told: a few microseconds are no matter
  time_point timer_at_ = never;
  std::uint64_t requests_ = 0;  ///< names the present one among all
  bool may_read_ = false;       ///< nothing has said since that it would block
  bool reads_to_end_ = false;   ///< until it would block: a short read proves nothing
  bool is_closed_ = false;

  // The reply that is being written, if there is one.
  bool is_sending_ = false;
  bool skips_reply_ = false;  ///< nobody will read it
  std::string head_;
  std::vector<bytes_view> parts_;
  std::span<bytes_view> left_;

  // Set elsewhere.
  static constexpr std::int64_t not_idle = -1;
  std::atomic<std::int64_t> idle_since_{not_idle};
  std::atomic<std::int64_t> yields_since_{not_idle};
  std::atomic<std::uint64_t> resumed_for_{0};  ///< the request
  bool is_made_ = false;                       ///< the reply
};

}  // namespace modal::detail
