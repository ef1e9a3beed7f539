// SPDX-License-Identifier: Apache-2.0
#include <modal/client/http_attempt.hpp>

#include <algorithm>
#include <sched.h>
#include <system_error>

namespace modal::detail {
namespace {

// A peer that knows nothing of consent stays silent (RFC 9110 section 10.1.1).
constexpr std::chrono::seconds consent_patience{1};

std::string system_text(int code) {
  return std::error_code(code, std::system_category()).message();
}

}  // namespace

void http_attempt::start(attempt_request request, std::function<void()>, time_point now) {
  close();
  request_ = std::move(request);
  failure_.reset();
  is_sent_ = is_write_broken_ = false;
  connect_error_ = 0;
  connection_ = target_.connections.take(now, is_watched_);
  if (connection_) {
    connection_->serial = ++serial_;
    begin_exchange(now);
    return;
  }
  connect_until_ = saturating_add(now, target_.config.connect_timeout);
  state_ = state::looking_up;
  addresses_.clear();
  next_address_ = 0;
  const endpoint& where = target_.where;
  if (where.unix_path.empty()) {
    ++serial_;
    is_socket_watched_ = false;
    try {
      lookup_ = lookup(where.host, where.port);
    } catch (const std::system_error& failed) {
      fail_connect(failed.what());
    }
  } else {
    addresses_.push_back(unix_address(where.unix_path));
  }
}

bool http_attempt::advance(time_point now) {
  if ((state_ == state::looking_up || state_ == state::connecting) && now >= connect_until_)
    return fail_connect("no connection within connect_timeout");
  switch (state_) {
    case state::looking_up:
      return look_up(now);
    case state::connecting:
      return wait_for(socket_.native_handle(), readiness::write, now) && finish_connect(now);
    case state::exchanging:
      return exchange(now);
    case state::answered:
    case state::failed:
      break;
  }
  return true;
}

bool http_attempt::look_up(time_point now) {
  if (addresses_.empty()) {
    if (!lookup_.is_over()) return false;
    auto found = lookup_.take();
    if (!found) return fail(found.error());
    addresses_ = *std::move(found);
  }
  return connect_next(now);
}

bool http_attempt::connect_next(time_point now) {
  while (next_address_ < addresses_.size()) {
    auto made = start_connect(addresses_[next_address_++]);
    connect_error_ = made.code;
    if (made.code != 0) continue;
    socket_ = std::move(made.socket);
    is_socket_watched_ = false;
    ++serial_;
    state_ = state::connecting;
    // A local connection is there at once, most often.
    return wait_for(socket_.native_handle(), readiness::write, now) && finish_connect(now);
  }
  return fail_connect(system_text(connect_error_));
}

bool http_attempt::finish_connect(time_point now) {
  connect_error_ = connect_outcome(socket_);
  if (connect_error_ != 0) {
    socket_.close();
    return connect_next(now);
  }
  connection_ =
      std::make_unique<http_connection>(std::move(socket_), target_.config.limits, target_.pool);
  connection_->serial = serial_;
  connection_->is_watched = is_socket_watched_;
  begin_exchange(now);
  return exchange(now);
}

void http_attempt::begin_exchange(time_point now) {
  const bool waits = request_.arguments->wire_size() >= consent_threshold;
  // A thread that calls again and again asks for the same path.
  thread_local std::string path;
  thread_local std::string path_of;
  if (path_of != request_.head.function) {
    path_of.clear();  // until the other is here too: there may be no memory for it
    path = call_path(request_.head.function);
    path_of = request_.head.function;
  }
  connection_->exchange.start(
      target_.where.authority, path, request_.head, *request_.arguments,
      waits ? http_exchange::consent::expect : http_exchange::consent::none);
  consent_until_ = waits ? saturating_add(now, consent_patience) : never;
  progress_at_ = now;
  is_fresh_ = true;
  state_ = state::exchanging;
}

bool http_attempt::exchange(time_point now) {
  http_exchange& exchange = connection_->exchange;
  goes_on_at_ = never;
  if (exchange.awaits_consent() && now >= consent_until_) exchange.stop_waiting();
  // Before the first byte of the answer only the call's own deadline counts: the function runs.
  if ((!exchange.is_sent() || exchange.has_begun()) &&
      now >= saturating_add(progress_at_, target_.config.limits.transfer_timeout))
    return fail({errc::connection_lost, "nothing moved for limits.transfer_timeout"});
  send(now);
  // No answer can be there yet: reading would be a system call for nothing.
  if (std::exchange(is_fresh_, false) && !is_write_broken_) return false;
  if (!receive(now)) return true;
  // The last bytes may have given consent, or made room.
  send(now);
  return false;
}

void http_attempt::send(time_point now) {
  http_exchange& exchange = connection_->exchange;
  for (int step = 0; !is_write_broken_; ++step) {
    const auto parts = exchange.to_send();
    if (parts.empty() || has_had_turn(step)) return;
    const auto written = connection_->socket.try_write(parts);
    if (written.what == io_result::kind::would_block) return;
    if (written.what == io_result::kind::failed) {
      // An executor that refuses stops reading; what it had to say counts more than the broken
      // pipe.
      is_write_broken_ = true;
      connect_error_ = written.code;
      return;
    }
    exchange.note_sent(written.size);
    is_sent_ = exchange.is_sent();
    progress_at_ = now;
  }
}

// A peer that is as fast as we are must keep neither us from our deadline nor a thread that drives
// others too from them.
bool http_attempt::has_had_turn(int steps) noexcept {
  constexpr int most_steps = 32;
  if (steps < most_steps) return false;
  goes_on_at_ = std::chrono::steady_clock::now();
  return true;
}

// Returns whether the attempt goes on.
bool http_attempt::receive(time_point now) {
  http_exchange& exchange = connection_->exchange;
  for (int step = 0;; ++step) {
    if (has_had_turn(step)) return true;
    const auto room = exchange.prepare();
    const auto got = connection_->socket.try_read(room);
    if (got.what == io_result::kind::would_block) {
      if (!is_write_broken_) return true;
      fail({errc::connection_lost, "while sending: " + system_text(connect_error_)});
      return false;
    }
    if (got.what == io_result::kind::failed) {
      const bool tells_of_writing = is_write_broken_ && !exchange.has_begun();
      fail({errc::connection_lost, tells_of_writing
                                       ? "while sending: " + system_text(connect_error_)
                                       : "while receiving: " + system_text(got.code)});
      return false;
    }
    const auto progress = exchange.commit(got.size);
    if (!progress) {
      fail(progress.error());
      return false;
    }
    if (*progress == http_exchange::progress::done) {
      state_ = state::answered;
      return false;
    }
    progress_at_ = now;
  }
}

interest http_attempt::wants() const noexcept {
  switch (state_) {
    case state::looking_up:
      return {lookup_.descriptor(), readiness::read, connect_until_, serial_,
              const_cast<bool*>(&is_socket_watched_)};
    case state::connecting:
      return {socket_.native_handle(), readiness::write, connect_until_, serial_,
              const_cast<bool*>(&is_socket_watched_)};
    case state::exchanging: {
      const http_exchange& exchange = connection_->exchange;
      interest wanted{connection_->socket.native_handle(), readiness::read, never,
                      connection_->serial, &connection_->is_watched};
      if (!exchange.to_send().empty() && !is_write_broken_) wanted.what = readiness::both;
      if (exchange.awaits_consent()) wanted.until = consent_until_;
      if (!exchange.is_sent() || exchange.has_begun())
        wanted.until = std::min(
            wanted.until, saturating_add(progress_at_, target_.config.limits.transfer_timeout));
      wanted.until = std::min(wanted.until, goes_on_at_);
      return wanted;
    }
    default:
      return {};
  }
}

void http_attempt::wait(time_point until) {
  const interest wanted = wants();
  if (wanted.descriptor < 0) return;
  ::sched_yield();  // the executor may want this very core
  wait_for(wanted.descriptor, wanted.what, std::min(until, wanted.until));
}

attempt_progress http_attempt::reached() const noexcept {
  return is_sent_ ? attempt_progress::sent : attempt_progress::not_sent;
}

attempt_result http_attempt::take(time_point now) {
  attempt_result came{.body = error(errc::connection_lost), .progress = reached()};
  if (state_ == state::answered) {
    http_exchange& exchange = connection_->exchange;
    came.body = exchange.take_answer(request_.own_signature);
    came.report = exchange.report();
    if (exchange.keeps_alive() && !is_write_broken_)
      target_.connections.give_back(std::move(connection_), now);
  } else if (failure_) {
    came.body = *std::move(failure_);
  }
  close();
  return came;
}

void http_attempt::close() noexcept {
  connection_.reset();
  socket_.close();
  lookup_ = {};
  state_ = state::failed;
}

bool http_attempt::fail(error reason) noexcept {
  failure_ = std::move(reason);
  connection_.reset();
  socket_.close();
  state_ = state::failed;
  return true;
}

bool http_attempt::fail_connect(const std::string& why) {
  const endpoint& where = target_.where;
  return fail({errc::connect_failed,
               "cannot connect to " +
                   (where.unix_path.empty() ? where.authority : where.unix_path) + ": " + why});
}

}  // namespace modal::detail
