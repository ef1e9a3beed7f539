// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/bytes.hpp>
#include <modal/base/clock.hpp>
#include <modal/base/mutex.hpp>
#include <modal/function/log.hpp>

#include "http1/connection_fsm.hpp"
#include "net/request_handler.hpp"
#include "net/server.hpp"

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <sys/uio.h>
#include <thread>
#include <unordered_set>
#include <vector>

namespace modal::detail {

class connection;

/// What connections share. Owners: the server and every connection.
struct server_state {
  server_state(std::shared_ptr<request_handler> serves, const server_config& settings)
      : handler(std::move(serves)),
        bounds(settings.bounds),
        log(settings.log),
        count(settings.open) {}

  const std::shared_ptr<request_handler> handler;
  const limits bounds;
  const log_sink log;
  buffer_pool pool;
  std::atomic<bool> draining{false};
  const std::shared_ptr<std::atomic<std::size_t>> count;

  detail::mutex mutex;
  condition_variable all_gone;
  std::unordered_set<connection*> open MODAL_GUARDED_BY(mutex);
  std::size_t alive MODAL_GUARDED_BY(mutex) =
      0;  ///< connections that are open, or whose last handlers have not run
};

/// One client: gives a `connection_fsm` what happens on a socket, and does what that says. All runs
/// on the socket's executor (one thread at a time), save `on_reply`, which runs where the call
/// ended and writes the reply itself, so that a reply costs no wake-up of the I/O thread. `turn_`
/// says who may write:
///
///     io ──begin_reply──▶ reply ──written──▶ io
///                           │ the I/O thread needs to go on          ▲
///                           ▼                                        │
///                         awaited ──written, then posts to the I/O thread
///
/// While it is not `io`, the I/O thread only reads ahead, and never closes the socket.
class connection final : public reply_sink, public std::enable_shared_from_this<connection> {
 public:
  using socket = boost::asio::generic::stream_protocol::socket;

  connection(socket peer, std::shared_ptr<server_state> shared);
  ~connection() override;

  [[nodiscard]] auto lane() { return socket_.get_executor(); }

  /// Serves requests until the client or the server ends the connection.
  void start();

  /// Says that there are too many connections, and closes.
  void start_refusing();

  /// Closes: at once where no answer is owed, else after it. From any thread.
  void close_soon();

  /// Returns since when this has had no call and no request in the making; nothing where it has
  /// one, or is about to close. From any thread: what it says may be over already.
  [[nodiscard]] std::optional<time_point> idle_since() const noexcept;

  /// Closes, unless a call or a request has come since that time. From any thread.
  void close_if_idle(time_point since);

  /// Closes if a call arrives and has not come as a whole. From any thread.
  void give_up_arriving();

  /// Closes, whatever is under way; while another thread writes an answer, when it has. From any
  /// thread. **Precondition**: all calls are answered.
  void close_now();

  void on_reply(bool is_made) noexcept override;

 private:
  enum class turn : std::uint8_t { io, reply, awaited };
  enum class sent : std::uint8_t { all, part, failed };
  using kind = connection_fsm::action::kind;

  template <class Step>
  void go_on(Step step) noexcept;
  void give_up(const char* why) noexcept;
  bool end_now() noexcept;
  /// Runs `step` on the I/O thread, after what waits there already. From any thread.
  template <class Step>
  void post(Step step) noexcept;
  void advance();
  void perform(const connection_fsm::action& next);
  bool notice_reply();
  bool await_reply();
  void open();
  void ask_memory(std::size_t total);
  void reply_now();
  void begin_reply();
  void say(const char* line);

  void write_out() noexcept;
  sent send_parts() noexcept;
  void finish_reply() noexcept;
  void write_rest();
  void let_go_of_reply() noexcept;

  void read();
  void on_read(const boost::system::error_code& failed, std::size_t size);
  void arm(time_point when);
  void shut();
  void leave();

  const std::shared_ptr<server_state> shared_;
  socket socket_;
  const int fd_;
  boost::asio::steady_timer timer_;
  time_point timer_at_ = never;
  connection_fsm machine_;
  const std::shared_ptr<request_exchange> exchange_;
  std::uint64_t requests_ = 0;  ///< names the present one among all
  bool is_closed_ = false;
  bool is_writing_ = false;  ///< the rest of a reply is written by the I/O thread

  // Who has the turn.
  std::atomic<turn> turn_{turn::io};
  static constexpr std::int64_t not_idle = -1;
  std::atomic<std::int64_t> idle_since_{not_idle};
  std::atomic<bool> yields_{false};       ///< closes when the pending read brings nothing
  std::atomic<bool> skips_write_{false};  ///< nobody will read the reply
  bool closes_ = false;
  bool is_head_only_ = false;
  connection_option option_ = connection_option::none;
  bool is_write_failed_ = false;
  std::string head_;
  std::vector<bytes_view> views_;
  std::vector<iovec> parts_;
  std::size_t next_part_ = 0;
};

// Something has happened, which `step` tells the machine; what it throws ends this connection.
template <class Step>
void connection::go_on(Step step) noexcept {
  if (is_closed_) return;
  try {
    step();
    advance();
  } catch (const std::exception& thrown) {
    give_up(thrown.what());
  } catch (...) {
    give_up("something that is no std::exception was thrown");
  }
}

// There may be no memory for that now; who waits for it is not to be forgotten.
template <class Step>
void connection::post(Step step) noexcept {
  for (;;) {
    try {
      return boost::asio::post(lane(),
                               [self = shared_from_this(), step]() mutable { step(*self); });
    } catch (const std::bad_alloc&) {
      std::this_thread::yield();
    }
  }
}

}  // namespace modal::detail
