// SPDX-License-Identifier: Apache-2.0
#include <modal/client/http_attempt.hpp>

#include <algorithm>
#include <system_error>

namespace modal::detail {
namespace {

// A peer that knows nothing of consent stays silent (RFC 9110 section 10.1.1).
constexpr std::chrono::seconds consent_patience{1};

std::string system_text(int code) {
  return std::error_code(code, std::system_category()).message();
}

}  // namespace

void http_attempt::start(attempt_request request, std::shared_ptr<wakeable>, time_point now) {
  close();
  request_ = std::move(request);
  failure_.reset();
  is_sent_ = is_write_broken_ = false;
  write_error_ = 0;
  connection_ = target_.connections.take(now, is_watched_);
  if (connection_) {
    connection_->serial = ++serial_;
    begin_exchange(now);
    return;
  }
  state_ = state::connecting;
  connector_.start(target_.where, saturating_add(now, target_.config.connect_timeout), serial_);
}

bool http_attempt::advance(time_point now) {
  switch (state_) {
    case state::connecting:
      return connect(now);
    case state::exchanging:
      return exchange(now);
    case state::answered:
    case state::failed:
      break;
  }
  return true;
}

bool http_attempt::connect(time_point now) {
  switch (connector_.advance(now)) {
    case connector::step::wait:
      return false;
    case connector::step::failed:
      return fail(connector_.take_failure());
    case connector::step::connected:
      break;
  }
  bool is_watched = false;
  auto socket = connector_.take_socket(is_watched);
  connection_ =
      std::make_unique<http_connection>(std::move(socket), target_.config.limits, target_.pool);
  // It is the same one still, for whoever watches it.
  connection_->serial = serial_;
  connection_->is_watched = is_watched;
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
      write_error_ = written.code;
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
      fail({errc::connection_lost, "while sending: " + system_text(write_error_)});
      return false;
    }
    if (got.what == io_result::kind::failed) {
      const bool tells_of_writing = is_write_broken_ && !exchange.has_begun();
      fail({errc::connection_lost, tells_of_writing ? "while sending: " + system_text(write_error_)
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
    case state::connecting:
      return const_cast<connector&>(connector_).wants();
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
  // The executor may want this very core.
  if (connection_ != nullptr) yield_before_wait(connection_->guard);
  until = std::min(until, wanted.until);
  if (bell_)
    bell_->wait(wanted.descriptor, wanted.what, until);
  else
    wait_for(wanted.descriptor, wanted.what, until);
}

attempt_progress http_attempt::reached() const noexcept {
  return is_sent_ ? attempt_progress::sent : attempt_progress::not_sent;
}

attempt_result http_attempt::take(time_point now) {
  const bool is_tcp = target_.where.unix_path.empty();
  attempt_result came{.body = error(errc::connection_lost),
                      .progress = reached(),
                      .path = is_tcp ? path_kind::http : path_kind::http_unix};
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
  connector_.close();
  state_ = state::failed;
}

bool http_attempt::fail(error reason) noexcept {
  failure_ = std::move(reason);
  connection_.reset();
  state_ = state::failed;
  return true;
}

}  // namespace modal::detail
