// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/bytes.hpp>
#include <modal/base/clock.hpp>

#include "door/door.hpp"
#include "http1/request_reader.hpp"
#include "net/rate_guard.hpp"
#include "net/server.hpp"

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <sys/uio.h>
#include <unordered_set>
#include <vector>

namespace modal::detail {

class connection;

/// What connections share. Owners: the server and every connection.
struct server_state {
  server_state(std::shared_ptr<door> opened, const server_config& settings)
      : owned(std::move(opened)),
        entrance(*owned),
        bounds(settings.bounds),
        log(settings.log),
        count(settings.open) {}

  const std::shared_ptr<door> owned;
  door& entrance;
  const limits bounds;
  const log_sink log;
  buffer_pool pool;
  std::atomic<bool> draining{false};
  std::atomic<bool> closed{false};
  const std::shared_ptr<std::atomic<std::size_t>> count;

  std::mutex mutex;  // guards all below
  std::condition_variable all_gone;
  std::unordered_set<connection*> open;
  std::size_t alive = 0;  ///< connections that are open, or whose last handlers have not run
};

/// One client. Everything runs on the socket's executor (one thread at a time), save `on_answer`,
/// which runs where the call ended and writes the answer itself, so that an answer costs no wake-up
/// of the I/O thread. `turn_` says who may write:
///
///     io ──begin_answer──▶ answer ──written──▶ io
///                            │ the I/O thread needs to go on          ▲
///                            ▼                                        │
///                          awaited ──written, then posts to the I/O thread
///
/// While it is not `io`, the I/O thread only reads ahead, and never closes the socket.
class connection final : public call_sink, public std::enable_shared_from_this<connection> {
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

  void on_answer(const call_answer& answer) noexcept override;

 private:
  enum class phase : std::uint8_t { head, body, chunks, answer, discard, linger, closed };
  enum class turn : std::uint8_t { io, answer, awaited };
  enum class sent : std::uint8_t { all, part, failed };

  void advance();
  bool read_head();
  void open_request();
  bool read_body();
  bool read_chunks();
  bool append_chunk(std::string_view piece);
  enum class grant : std::uint8_t { given, paused, refused };
  grant ask_memory(std::size_t total);
  void on_memory(std::size_t total);
  bool wait_for_body();
  bool answered();
  bool discard();
  void submit();

  void reply_now();
  void reply_problem(const error& reason, int status = 0);
  void begin_answer();
  void write_out(std::size_t body_size) noexcept;
  sent send_parts() noexcept;
  void finish_answer() noexcept;
  void write_rest();

  void read();
  void on_read(const boost::system::error_code& failed, std::size_t size);
  void close_after_linger();
  void shut();
  void leave();
  [[nodiscard]] bool has_turn() const noexcept;
  void keep_waiting(time_point now);

  void arm(time_point when);
  void on_timer();
  [[nodiscard]] time_point due() const noexcept;
  void make_room();
  void on_overdue();

  [[nodiscard]] std::string_view input() const noexcept {
    return {input_.data() + input_begin_, input_end_ - input_begin_};
  }

  const std::shared_ptr<server_state> shared_;
  socket socket_;
  const int fd_;
  boost::asio::steady_timer timer_;
  time_point timer_at_ = never;
  request_reader reader_;

  // The I/O thread's.
  std::atomic<phase> phase_{phase::head};  ///< written by the I/O thread only
  bool is_reading_ = false;
  bool is_reading_body_ = false;  ///< straight into `body_`, which must stay until the read ends
  std::optional<error> overdue_;  ///< why such a read was cancelled
  bool is_lost_ = false;          ///< the client is gone
  bool is_writing_ = false;       ///< the rest of an answer is written by the I/O thread
  bool close_wanted_ = false;
  std::vector<char> input_;
  std::size_t input_begin_ = 0;
  std::size_t input_end_ = 0;
  std::uint64_t discard_left_ = 0;
  std::size_t linger_left_ = 0;
  ticket ticket_;
  call_ptr call_;
  buffer body_;
  std::size_t body_length_ = 0;  ///< bytes that it will have, unless it comes in chunks
  std::size_t body_size_ = 0;    ///< bytes of it that have come
  std::size_t granted_ = 0;      ///< bytes of it that there is memory for
  bool is_paused_ = false;       ///< it waits for memory, and is not read
  rate_guard rate_;
  std::vector<std::string_view> pieces_;
  time_point since_;    ///< when the phase began, or last made progress
  time_point told_at_;  ///< when a client that waits was last told so

  // Who has the turn.
  std::atomic<turn> turn_{turn::io};
  static constexpr std::int64_t not_idle = -1;  ///< a request is in the making
  std::atomic<std::int64_t> idle_since_{0};
  std::atomic<bool> yields_{false};  ///< closes when the pending read brings nothing
  bool close_after_ = false;
  bool head_only_ = false;
  bool keeps_old_alive_ = false;
  bool write_failed_ = false;
  std::atomic<bool> skip_write_{false};
  reply reply_;
  payload result_;
  std::shared_ptr<const void> result_memory_;
  std::string head_;
  std::vector<bytes_view> views_;
  std::vector<iovec> parts_;
  std::size_t next_part_ = 0;
};

}  // namespace modal::detail
