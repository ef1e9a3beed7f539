// SPDX-License-Identifier: Apache-2.0
#include <modal/client/transport.hpp>

#include <boost/asio/connect.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <set>
#include <thread>

namespace modal::detail {
namespace {

namespace asio = boost::asio;
using stream_socket = asio::generic::stream_protocol::socket;
using network_error = boost::system::error_code;

class driver_base;

// One asynchronous call: drives a call_fsm with timers and attempts. All members are used on the
// driver's thread only. Owners: the driver's set, and each handler that is outstanding.
class async_call : public std::enable_shared_from_this<async_call> {
 public:
  async_call(driver_base& driver, const outgoing_call& outgoing, time_point begin,
             answer_handler done);
  virtual ~async_call() = default;

  void begin();
  void cancel();

 protected:
  /// Makes attempt number `serial`, and reports by `on_attempt` with that number.
  virtual void send(attempt_request request, int serial) = 0;
  /// Drops what the last attempt holds; its report may still come, and is ignored.
  virtual void abandon() = 0;

  void on_attempt(attempt_result last, int serial);
  [[nodiscard]] bool is_current(int serial) const noexcept { return !over_ && serial == serial_; }

  driver_base& driver_;
  outgoing_call outgoing_;

 private:
  void perform(call_fsm::action next);
  void finish(result<incoming_answer> answer);

  time_point begin_;
  call_fsm machine_;
  answer_handler done_;
  asio::steady_timer deadline_;
  asio::steady_timer wait_;
  int serial_ = 0;
  bool over_ = false;
};

// The thread, and the calls that it drives.
class driver_base : public async_driver {
 public:
  driver_base(const client_config& settings, buffer_pool& buffers)
      : config(settings),
        pool(buffers),
        work_(asio::make_work_guard(context)),
        thread_([this] { context.run(); }) {}

  call_canceller start(const outgoing_call& outgoing, time_point begin,
                       answer_handler done) override {
    const auto call = make_call(outgoing, begin, std::move(done));
    asio::post(context, [this, call] {
      calls_.insert(call);
      call->begin();
    });
    return [this, watched = std::weak_ptr(call)] {
      if (const auto found = watched.lock()) asio::post(context, [found] { found->cancel(); });
    };
  }

  void forget(const std::shared_ptr<async_call>& call) { calls_.erase(call); }

  asio::io_context context{1};
  const client_config& config;
  buffer_pool& pool;

 protected:
  // Called by the destructors of the final classes, while make_call's results are still whole.
  void stop() {
    asio::post(context, [this] {
      const auto running = calls_;
      for (const auto& call : running) call->cancel();
      work_.reset();
    });
    thread_.join();
  }

 private:
  virtual std::shared_ptr<async_call> make_call(const outgoing_call& outgoing, time_point begin,
                                                answer_handler done) = 0;

  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::set<std::shared_ptr<async_call>> calls_;
  std::thread thread_;
};

async_call::async_call(driver_base& driver, const outgoing_call& outgoing, time_point begin,
                       answer_handler done)
    : driver_(driver),
      outgoing_(outgoing),
      begin_(begin),
      machine_(outgoing.options, deadline_of(outgoing.options, driver.config, begin),
               jitter_seed(outgoing.id)),
      done_(std::move(done)),
      deadline_(driver.context),
      wait_(driver.context) {}

void async_call::begin() {
  deadline_.expires_at(machine_.deadline());
  deadline_.async_wait([self = shared_from_this()](network_error failure) {
    if (failure || self->over_) return;
    self->abandon();
    self->perform(self->machine_.on_deadline());
  });
  perform(machine_.start(std::chrono::steady_clock::now()));
}

void async_call::cancel() {
  if (over_) return;
  abandon();
  perform(machine_.on_cancel());
}

void async_call::on_attempt(attempt_result last, int serial) {
  if (!is_current(serial)) return;
  const auto now = std::chrono::steady_clock::now();
  if (last.body)
    finish(finish_answer(outgoing_, machine_, std::move(last), begin_, now));
  else
    perform(machine_.on_failure(last.body.error(), last.progress, now));
}

void async_call::perform(call_fsm::action next) {
  using kind = call_fsm::action::kind;
  const auto now = std::chrono::steady_clock::now();
  switch (next.what) {
    case kind::send:
      send(make_attempt(outgoing_, machine_, now), ++serial_);
      return;
    case kind::wait:
      wait_.expires_at(next.until);
      wait_.async_wait([self = shared_from_this()](network_error failure) {
        if (!failure && !self->over_)
          self->perform(self->machine_.on_wake(std::chrono::steady_clock::now()));
      });
      return;
    case kind::finish:
      finish(finish_error(outgoing_, std::move(next.reason), machine_, begin_, now));
      return;
  }
}

void async_call::finish(result<incoming_answer> answer) {
  over_ = true;
  deadline_.cancel();
  wait_.cancel();
  const auto self = shared_from_this();  // forget() may drop the last other owner
  driver_.forget(self);
  const auto done = std::exchange(done_, nullptr);
  done(std::move(answer));
}

// Over HTTP.

class http_driver final : public driver_base {
 public:
  http_driver(const endpoint& target, const client_config& settings, buffer_pool& buffers)
      : driver_base(settings, buffers), where(target) {}
  ~http_driver() override { stop(); }

  struct idle_socket {
    stream_socket socket;
    time_point since;
  };

  const endpoint& where;
  std::vector<idle_socket> idle;

 private:
  std::shared_ptr<async_call> make_call(const outgoing_call& outgoing, time_point begin,
                                        answer_handler done) override;
};

// One attempt on one connection: writes and reads at the same time, so that a refusal is seen while
// a large body is still on its way. Owners: its handlers, and the call while it is current.
class http_attempt : public std::enable_shared_from_this<http_attempt> {
 public:
  using report_type = std::function<void(attempt_result)>;

  http_attempt(http_driver& driver, attempt_request request, report_type report)
      : driver_(driver),
        request_(std::move(request)),
        report_(std::move(report)),
        exchange_(driver.config.limits, driver.pool),
        resolver_(driver.context),
        timer_(driver.context),
        socket_(driver.context) {}

  void start() {
    exchange_.start(driver_.where.authority, call_path(request_.head.function), request_.head,
                    *request_.arguments, http_exchange::consent::none);
    parts_ = exchange_.parts();
    const auto now = std::chrono::steady_clock::now();
    while (!driver_.idle.empty()) {
      auto found = std::move(driver_.idle.back());
      driver_.idle.pop_back();
      if (now - found.since > driver_.config.idle_timeout || is_stale(found.socket)) continue;
      socket_ = std::move(found.socket);
      return exchange();
    }
    connect();
  }

  void close() {
    report_ = nullptr;
    resolver_.cancel();
    timer_.cancel();
    network_error ignored;
    socket_.close(ignored);
  }

 private:
  static bool is_stale(stream_socket& socket) {
    network_error failure;
    socket.non_blocking(true, failure);
    char byte;
    socket.receive(asio::buffer(&byte, 1), stream_socket::message_peek, failure);
    return failure != asio::error::would_block;
  }

  void connect() {
    timer_.expires_after(driver_.config.connect_timeout);
    timer_.async_wait([self = shared_from_this()](network_error failure) {
      if (!failure) self->fail({errc::connect_failed, "no connection within connect_timeout"});
    });
    if (!driver_.where.unix_path.empty()) {
      socket_.async_connect(
          asio::local::stream_protocol::endpoint(driver_.where.unix_path),
          [self = shared_from_this()](network_error failure) { self->on_connect(failure); });
      return;
    }
    resolver_.async_resolve(
        driver_.where.host, driver_.where.port,
        [self = shared_from_this()](network_error failure,
                                    asio::ip::tcp::resolver::results_type found) {
          if (failure) return self->on_connect(failure);
          std::vector<asio::generic::stream_protocol::endpoint> endpoints;
          for (const auto& each : found) endpoints.emplace_back(each.endpoint());
          self->try_next(std::move(endpoints), 0);
        });
  }

  void try_next(std::vector<asio::generic::stream_protocol::endpoint> endpoints,
                std::size_t index) {
    network_error ignored;
    socket_.close(ignored);
    const auto target = endpoints.at(index);
    socket_.async_connect(target, [self = shared_from_this(), endpoints = std::move(endpoints),
                                   index](network_error failure) mutable {
      if (failure && self->report_ && index + 1 < endpoints.size())
        return self->try_next(std::move(endpoints), index + 1);
      if (!failure) {
        network_error unimportant;  // a Unix socket has no such option
        self->socket_.set_option(asio::ip::tcp::no_delay(true), unimportant);
      }
      self->on_connect(failure);
    });
  }

  void on_connect(network_error failure) {
    if (!report_) return;
    timer_.cancel();
    if (failure)
      return fail({errc::connect_failed,
                   "cannot connect to " + driver_.where.authority + ": " + failure.message()});
    exchange();
  }

  void exchange() {
    network_error ignored;
    socket_.non_blocking(true, ignored);
    write();
    read();
  }

  void write() {
    // Plain async_write would send 64 KiB at a time.
    std::vector<asio::const_buffer> pieces;
    for (const auto part : parts_) {
      pieces.emplace_back(part.data(), part.size());
      if (pieces.size() == 64) break;
    }
    socket_.async_write_some(pieces,
                             [self = shared_from_this()](network_error failure, std::size_t size) {
                               if (!self->report_ || failure) return;  // the reader sees why
                               self->on_written(size);
                             });
  }

  void on_written(std::size_t size) {
    std::size_t first = 0;
    while (first < parts_.size() && size >= parts_[first].size()) size -= parts_[first++].size();
    parts_.erase(parts_.begin(), parts_.begin() + static_cast<std::ptrdiff_t>(first));
    if (!parts_.empty()) {
      parts_.front() = parts_.front().subspan(size);
      write();
    } else {
      sent_ = true;
    }
  }

  void read() {
    const auto room = exchange_.prepare();
    socket_.async_read_some(asio::buffer(room.data(), room.size()),
                            [self = shared_from_this()](network_error failure, std::size_t size) {
                              if (!self->report_) return;
                              if (failure && failure != asio::error::eof)
                                return self->fail({errc::connection_lost, failure.message()});
                              const auto got = self->exchange_.commit(size);
                              if (!got) return self->fail(got.error());
                              if (*got == http_exchange::progress::done) return self->succeed();
                              self->read();
                            });
  }

  void succeed() {
    if (sent_ && exchange_.keeps_alive() && driver_.idle.size() < driver_.config.idle_connections)
      driver_.idle.push_back({std::move(socket_), std::chrono::steady_clock::now()});
    const auto report = std::exchange(report_, nullptr);
    report({.body = exchange_.take_answer(request_.own_signature),
            .report = exchange_.report(),
            .progress = sent_ ? attempt_progress::sent : attempt_progress::not_sent});
  }

  void fail(error reason) {
    if (!report_) return;
    const auto report = std::exchange(report_, nullptr);
    close();
    report({.body = std::move(reason),
            .progress = sent_ ? attempt_progress::sent : attempt_progress::not_sent});
  }

  http_driver& driver_;
  attempt_request request_;
  report_type report_;
  http_exchange exchange_;
  std::vector<bytes_view> parts_;
  asio::ip::tcp::resolver resolver_;
  asio::steady_timer timer_;
  stream_socket socket_;
  bool sent_ = false;
};

class http_call final : public async_call {
 public:
  http_call(http_driver& driver, const outgoing_call& outgoing, time_point begin,
            answer_handler done)
      : async_call(driver, outgoing, begin, std::move(done)), http_(driver) {}

 private:
  void send(attempt_request request, int serial) override {
    const auto self = std::static_pointer_cast<http_call>(shared_from_this());
    attempt_ = std::make_shared<http_attempt>(
        http_, std::move(request),
        [self, serial](attempt_result last) { self->on_attempt(std::move(last), serial); });
    attempt_->start();
  }
  void abandon() override {
    if (attempt_) attempt_->close();
    attempt_.reset();
  }

  http_driver& http_;
  std::shared_ptr<http_attempt> attempt_;
};

std::shared_ptr<async_call> http_driver::make_call(const outgoing_call& outgoing, time_point begin,
                                                   answer_handler done) {
  return std::make_shared<http_call>(*this, outgoing, begin, std::move(done));
}

// Inside the process.

class in_process_driver final : public driver_base {
 public:
  in_process_driver(in_process_door& target, const client_config& settings, buffer_pool& buffers)
      : driver_base(settings, buffers), door(target) {}
  ~in_process_driver() override { stop(); }

  in_process_door& door;

 private:
  std::shared_ptr<async_call> make_call(const outgoing_call& outgoing, time_point begin,
                                        answer_handler done) override;
};

class local_call final : public async_call {
 public:
  local_call(in_process_driver& driver, const outgoing_call& outgoing, time_point begin,
             answer_handler done)
      : async_call(driver, outgoing, begin, std::move(done)), door_(driver.door) {}

 private:
  void send(attempt_request request, int serial) override {
    const auto self = std::static_pointer_cast<local_call>(shared_from_this());
    // The guard keeps the driver's thread until the executor has answered.
    auto guard = asio::make_work_guard(driver_.context);
    cancel_ = door_.start(std::move(request.head), flatten(*outgoing_.arguments, driver_.pool),
                          [self, serial, guard](in_process_answer answer) {
                            const auto shared =
                                std::make_shared<in_process_answer>(std::move(answer));
                            asio::post(guard.get_executor(), [self, serial, shared] {
                              self->on_attempt({.body = std::move(shared->body),
                                                .report = shared->report,
                                                .progress = attempt_progress::sent},
                                               serial);
                            });
                          });
  }
  void abandon() override {
    if (cancel_) cancel_();
    cancel_ = nullptr;
  }

  in_process_door& door_;
  in_process_door::canceller cancel_;
};

std::shared_ptr<async_call> in_process_driver::make_call(const outgoing_call& outgoing,
                                                         time_point begin, answer_handler done) {
  return std::make_shared<local_call>(*this, outgoing, begin, std::move(done));
}

}  // namespace

std::unique_ptr<async_driver> make_http_driver(const endpoint& where, const client_config& config,
                                               buffer_pool& pool) {
  return std::make_unique<http_driver>(where, config, pool);
}

std::unique_ptr<async_driver> make_in_process_driver(in_process_door& door,
                                                     const client_config& config,
                                                     buffer_pool& pool) {
  return std::make_unique<in_process_driver>(door, config, pool);
}

}  // namespace modal::detail
