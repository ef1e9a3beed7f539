// SPDX-License-Identifier: Apache-2.0
#include <modal/client/connector.hpp>

#include <system_error>
#include <utility>

namespace modal::detail {

void connector::start(const endpoint& where, time_point until, unsigned& serials) {
  close();
  where_ = &where;
  until_ = until;
  error_ = 0;
  serials_ = &serials;
  serial_ = ++serials;
  if (where.unix_path.empty()) {
    try {
      lookup_ = lookup(where.host, where.port);
    } catch (const std::system_error& failed) {
      fail(failed.what());
    }
  } else {
    addresses_.push_back(unix_address(where.unix_path));
  }
}

connector::step connector::advance(time_point now) {
  if (failure_) return step::failed;
  if (now >= until_) return fail("no connection within connect_timeout");
  if (socket_.is_open())
    return wait_for(socket_.native_handle(), readiness::write, now) ? finish(now) : step::wait;
  if (addresses_.empty()) {
    if (!lookup_.is_over()) return step::wait;
    auto found = lookup_.take();
    if (!found) {
      failure_ = std::move(found).error();
      return step::failed;
    }
    addresses_ = *std::move(found);
  }
  return connect_next(now);
}

connector::step connector::connect_next(time_point now) {
  while (next_ < addresses_.size()) {
    auto made = start_connect(addresses_[next_++]);
    error_ = made.code;
    if (made.code != 0) continue;
    socket_ = std::move(made.socket);
    is_watched_ = false;
    serial_ = ++*serials_;
    // A local connection is there at once, most often.
    return wait_for(socket_.native_handle(), readiness::write, now) ? finish(now) : step::wait;
  }
  return fail(std::error_code(error_, std::system_category()).message());
}

connector::step connector::finish(time_point now) {
  error_ = connect_outcome(socket_);
  if (error_ == 0) return step::connected;
  socket_.close();
  return connect_next(now);
}

connector::step connector::fail(const std::string& why) {
  std::string name = where_->unix_path.empty() ? where_->authority : where_->unix_path;
  if (name.front() == '\0') name.front() = '@';  // as tools write an abstract one
  failure_ = error(errc::connect_failed, "cannot connect to " + name + ": " + why);
  socket_.close();
  return step::failed;
}

interest connector::wants() noexcept {
  if (socket_.is_open())
    return {socket_.native_handle(), readiness::write, until_, serial_, &is_watched_};
  return {lookup_.descriptor(), readiness::read, until_, serial_, &is_watched_};
}

stream connector::take_socket(bool& is_watched) noexcept {
  is_watched = is_watched_;
  return std::move(socket_);
}

void connector::close() noexcept {
  socket_.close();
  lookup_ = {};
  addresses_.clear();
  next_ = 0;
  is_watched_ = false;
  failure_.reset();
}

}  // namespace modal::detail
