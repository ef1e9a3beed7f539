// SPDX-License-Identifier: Apache-2.0
// How the client's reactor sees to a session while nobody waits.
#include <modal/client/session_link.hpp>

#include <new>
#include <string>
#include <string_view>
#include <utility>

namespace modal::detail {

void session_link::attach(reactor& events) {
  const mutex_lock lock(mutex_);
  if (events_ == nullptr) {
    events.post(std::static_pointer_cast<session_link>(shared_from_this()));
    events_ = &events;
    is_pump_posted_ = true;
    return;
  }
  // Whoever leads hands it on.
  if (has_leader_ || phase_ == phase::over) return;
  const interest wanted = wants();
  if (wanted.descriptor != watched_descriptor_ || wanted.serial != watched_serial_) {
    post_pump();
  } else if (wanted.until < timer_at_) {
    events.post(std::static_pointer_cast<session_link>(shared_from_this()), wanted.until);
    timer_at_ = wanted.until;
    is_timer_posted_ = true;
  }
}

void session_link::on_posted() {
  bool pumps = false;
  {
    const telling others(*this);
    const mutex_lock lock(mutex_);
    pumps = std::exchange(is_pump_posted_, false) || phase_ == phase::over;
    if (std::exchange(is_flush_posted_, false)) flush();
    if (std::exchange(is_timer_posted_, false) && events_ != nullptr) {
      events_->schedule(*this, timer_at_);
      self_ = shared_from_this();
    }
    if (phase_ == phase::open && events_ != nullptr && !has_leader_) arm(machine_->due());
  }
  if (pumps) on_ready();
}

void session_link::on_time() {
  {
    const mutex_lock lock(mutex_);
    timer_at_ = never;
  }
  on_ready();
}

// The timer is set anew only to be earlier: when it is too early, it looks again.
void session_link::arm(time_point when) {
  if (when >= timer_at_) return;
  timer_at_ = when;
  events_->schedule(*this, when);
  self_ = shared_from_this();
}

void session_link::on_ready() {
  {
    const telling others(*this);
    mutex_lock lock(mutex_);
    may_write_ = true;
    ++room_seen_;
    if (has_leader_) {
      flush();
    } else if (phase_ != phase::over) {
      bool may_be_more = false;
      {
        const marked leads(has_leader_);
        may_be_more = pump(nullptr);
      }
      if (!followers_.empty())
        followers_.front().changed_.notify_one();
      else if (may_be_more)
        post_pump();
    }
  }
  watch_and_wait();
}

// While somebody leads, that one knows best what there is to wait for, and says when it leaves.
void session_link::watch_and_wait() {
  bool is_over = false;
  {
    const mutex_lock lock(mutex_);
    is_over = phase_ == phase::over;
    if (!is_over && events_ != nullptr && !has_leader_) {
      const interest wanted = wants();
      if (wanted.descriptor != watched_descriptor_ || wanted.serial != watched_serial_) {
        if (watched_descriptor_ >= 0)
          events_->unwatch(std::exchange(watched_descriptor_, -1), *this);
        if (wanted.descriptor >= 0) {
          const bool may_be_ready = events_->watch(wanted.descriptor, *this, *wanted.is_watched);
          watched_descriptor_ = wanted.descriptor;
          watched_serial_ = wanted.serial;
          self_ = shared_from_this();
          if (may_be_ready) post_pump();
        }
      }
      arm(wanted.until);
    }
  }
  if (is_over) detach();
}

void session_link::fall_silent() noexcept {
  const mutex_lock lock(mutex_);
  is_silent_ = true;
}

void session_link::detach() noexcept {
  const auto last = std::move(self_);
  const telling others(*this);
  const mutex_lock lock(mutex_);
  if (events_ != nullptr) {
    if (watched_descriptor_ >= 0) events_->unwatch(std::exchange(watched_descriptor_, -1), *this);
    events_->schedule(*this, never);
  }
  events_ = nullptr;
  end_saying("the client has ended", {});
}

// Without memory it says less.
void session_link::end_saying(const char* why, std::string_view more) noexcept {
  if (phase_ == phase::over) return;
  try {
    end(session_call::ending::lost, error(errc::connection_lost, std::string(why).append(more)));
  } catch (const std::bad_alloc&) {
    end(session_call::ending::lost, error(make_error_code(errc::connection_lost), {}));
  }
}

void session_link::on_error(const char* what) noexcept {
  const telling others(*this);
  const mutex_lock lock(mutex_);
  end_saying("this process broke the session off: ", what);
}

}  // namespace modal::detail
