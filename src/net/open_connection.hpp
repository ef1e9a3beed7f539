// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/bytes.hpp>
#include <modal/base/clock.hpp>
#include <modal/base/mutex.hpp>
#include <modal/net/stream.hpp>

#include "net/event_loop.hpp"
#include "net/request_handler.hpp"
#include "net/scribe.hpp"
#include "net/server.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_set>

namespace modal::detail {

class open_connection;

/// What connections share. Owners: the server and every connection.
struct server_state {
  server_state(std::shared_ptr<request_handler> serves, const server_config& settings)
      : handler(std::move(serves)),
        loop(settings.loop),
        bounds(settings.bounds),
        log(settings.log),
        count(settings.open) {}

  [[nodiscard]] peer_origin origin_of(const stream& peer) const noexcept;

  const std::shared_ptr<request_handler> handler;
  const std::shared_ptr<event_loop> loop;
  const limits bounds;
  scribe log;
  buffer_pool pool;
  // Set before the first connection; empty: none is offered.
  std::string local_name;
  std::string local_token;
  std::atomic<bool> draining{false};
  const std::shared_ptr<std::atomic<std::size_t>> count;

  detail::mutex mutex;
  condition_variable all_gone;
  std::unordered_set<open_connection*> open MODAL_GUARDED_BY(mutex);
  std::size_t alive MODAL_GUARDED_BY(mutex) = 0;  ///< connections that are open, or still told of
};

/// One client, whatever it speaks: among the server's as long as its socket is open. What comes
/// from elsewhere is an event, see `event_loop::target`.
class open_connection : public event_loop::target {
 public:
  open_connection(stream peer, std::shared_ptr<server_state> shared);
  ~open_connection() override;

  /// Serves the client until it, or the server, ends the connection.
  void start() noexcept { shared_->loop->raise(*this, begins); }

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

 protected:
  using events = event_loop::events;
  static constexpr events begins = event_loop::first_own << 0;
  static constexpr events replied = event_loop::first_own << 1;
  static constexpr events resumed = event_loop::first_own << 2;
  static constexpr events yields = event_loop::first_own << 3;
  static constexpr events closes_soon = event_loop::first_own << 4;
  static constexpr events closes_now = event_loop::first_own << 5;
  static constexpr events goes_on = event_loop::first_own << 6;
  static constexpr events refuses = event_loop::first_own << 7;

  /// Something has happened, or was asked for. What it throws ends this connection, and nothing
  /// else.
  virtual void take_events(events what) = 0;
  /// Closes, whatever is under way.
  virtual void break_off() noexcept = 0;

  /// Adds this to the server's, and has its socket watched.
  void enter();
  /// It is one of the server's no more; only those who are telling it something own it.
  void leave() noexcept;
  /// Ends the watch, and closes the socket. Returns false where that was done.
  bool shut_socket() noexcept;
  /// Gives the socket away, unwatched; nothing else may be done but `leave`.
  stream take_socket() noexcept;

  void set_idle(std::optional<time_point> since) noexcept;
  /// Returns whether `yields` was asked for since the connection became idle at that time.
  [[nodiscard]] bool is_to_yield(time_point since) const noexcept;
  /// Has this told that it is late, then or before.
  void arm(time_point when);
  void note_late() noexcept { timer_at_ = never; }
  [[nodiscard]] bool is_closed() const noexcept { return is_closed_; }

  const std::shared_ptr<server_state> shared_;
  stream socket_;
  time_point now_;  ///< of the events that are being told: a few microseconds are no matter

 private:
  void on_events(events what) noexcept final;
  static constexpr std::int64_t not_idle = -1;

  time_point timer_at_ = never;
  bool is_closed_ = false;
  std::atomic<std::int64_t> idle_since_{not_idle};
  std::atomic<std::int64_t> yields_since_{not_idle};
};

}  // namespace modal::detail
