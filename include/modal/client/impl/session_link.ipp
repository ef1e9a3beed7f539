// SPDX-License-Identifier: Apache-2.0
// Who reads and who writes on a session; session_opening.ipp has how it comes to be,
// session_answers.ipp what becomes of its calls, session_watch.ipp how it is seen to meanwhile.
#include <modal/client/session_link.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <sched.h>
#include <sys/socket.h>
#include <utility>

namespace modal::detail {
namespace {

// A session that was silent for so long may have ended.
constexpr std::chrono::milliseconds quiet_time{1};
constexpr int most_reads = 32;  // before others have their turn
constexpr std::size_t most_read = 128 << 10;
constexpr unsigned most_unflushed = 16;

/// Sets a mark for as long as it lives.
class marked {
 public:
  explicit marked(bool& which) noexcept : which_(which) { which = true; }
  ~marked() { which_ = false; }
  marked(const marked&) = delete;
  marked& operator=(const marked&) = delete;

 private:
  bool& which_;
};

time_point clock_now() noexcept { return std::chrono::steady_clock::now(); }

}  // namespace

session_link::~session_link() = default;

bool session_link::takes_calls(std::shared_ptr<const local_offer>& offered) const {
  const mutex_lock lock(mutex_);
  if (offered_ != nullptr) offered = offered_;
  return phase_ != phase::over && !is_retired_ && (!machine_ || !machine_->is_going());
}

void session_link::retire() {
  const telling others(*this);
  const mutex_lock lock(mutex_);
  is_retired_ = true;
  if (phase_ == phase::open) dispatch();
}

std::shared_ptr<const local_offer> session_link::missed_local() const {
  const mutex_lock lock(mutex_);
  return phase_ == phase::over && !is_ready_ ? local_ : nullptr;
}

bool session_link::is_over(const session_call& call) const {
  const mutex_lock lock(mutex_);
  return call.is_over_;
}

bool session_link::submit(session_call& call, const attempt_request& request,
                          std::shared_ptr<wakeable> owner, time_point now) {
  const telling others(*this);
  mutex_lock lock(mutex_);
  // What ended while nobody looked is not used: a call that goes nowhere may have run.
  if (phase_ == phase::open && !has_leader_ && now - moved_at_ >= quiet_time) look();
  if (phase_ == phase::open && machine_->is_idle() &&
      now - machine_->idle_since() >= saturated(settings_.config->idle_timeout))
    end(session_call::ending::unseen, {errc::connection_lost, "the session was idle"});
  // One that somebody began to open, and left.
  if ((phase_ == phase::connecting || phase_ == phase::upgrading) && !has_leader_ &&
      now >= wants().until)
    end(phase_ == phase::upgrading ? session_call::ending::broken : session_call::ending::unseen,
        {errc::connect_failed, "nobody went on to connect"});
  if (phase_ == phase::over || is_retired_ || (machine_ && machine_->is_going())) return false;
  call.request_ = &request;
  call.owner_ = std::move(owner);
  call.number_.reset();
  call.how = session_call::ending::lost;
  call.failure.reset();
  call.progress = attempt_progress::not_sent;
  call.path = where().unix_path.empty() ? path_kind::session : path_kind::session_unix;
  call.is_answered_ = call.is_over_ = call.is_interrupted_ = false;
  if (call.owner_) {
    ++woken_calls_;
    if (ended_.capacity() < ended_.size() + woken_calls_)
      ended_.reserve(2 * (ended_.size() + woken_calls_));
  }
  if (phase_ != phase::open || !queued_.empty() || !begin(call, now)) queued_.push_back(call);
  // Who waits does not rely on the reactor, which may wait for it.
  if (call.owner_)
    flush_soon();
  else
    flush();
  return true;
}

// ---- Waiting

void session_link::tell_ended() noexcept {
  constexpr std::size_t at_once = 16;
  while (has_ended_.load(std::memory_order_acquire)) {
    std::array<std::shared_ptr<wakeable>, at_once> due;
    {
      const mutex_lock lock(mutex_);
      const std::size_t taken = std::min(at_once, ended_.size());
      const auto last = ended_.begin() + static_cast<std::ptrdiff_t>(taken);
      std::move(ended_.begin(), last, due.begin());
      ended_.erase(ended_.begin(), last);
      has_ended_.store(!ended_.empty(), std::memory_order_release);
    }
    for (const auto& each : due)
      if (each != nullptr) each->wake();
  }
}

void session_link::wait(session_call& call, time_point until) {
  const telling others(*this);
  mutex_lock lock(mutex_);
  while (!call.is_over_ && !call.is_interrupted_ && clock_now() < until) {
    if (has_ended_.load(std::memory_order_relaxed)) {
      lock.unlock();
      tell_ended();
      lock.lock();
    } else if (phase_ == phase::over) {
      call.changed_.wait_until(lock, until);  // whoever ends it is about to say so
    } else if (!has_leader_) {
      try {
        lead(call, until);
      } catch (const std::bad_alloc&) {
        pass_on();
        throw;
      }
    } else {
      followers_.push_back(call);
      call.changed_.wait_until(lock, until);
      if (call.follower_hook_.is_linked()) followers_.erase(followers_.iterator_to(call));
    }
  }
  if (!has_leader_) pass_on();
}

void session_link::interrupt(session_call& call) noexcept {
  const mutex_lock lock(mutex_);
  call.is_interrupted_ = true;
  call.changed_.notify_one();
  if (leader_ == &call) wake_leader();
}

// Reads what is there, as leader.
void session_link::look() {
  {
    const marked leads(has_leader_);
    pump(nullptr);
  }
  pass_on();
}

// Reads for all, once, or waits for something to read.
void session_link::lead(session_call& call, time_point until) {
  const marked leads(has_leader_);
  leader_ = &call;
  if (phase_ == phase::open && may_write_) {
    bool is_out_of_memory = false;
    mutex_.unlock();
    yield_before_wait(guard_);  // the executor may want this very core
    try {
      poll(guard_, [&] {
        const mutex_lock lock(mutex_);
        return look_for(call);
      });
    } catch (const std::bad_alloc&) {  // who called holds the lock
      is_out_of_memory = true;
    }
    mutex_.lock();
    if (is_out_of_memory) throw std::bad_alloc();
  } else {
    pump(&call);
  }
  if (!call.is_over_ && !call.is_interrupted_ && phase_ != phase::over) {
    interest wanted = wants();
    wanted.until = std::min(until, wanted.until);
    sleeps_for_ = wanted;
    sleeps_ = true;
    mutex_.unlock();
    tell_ended();
    bell_.wait(wanted.descriptor, wanted.what, wanted.until);
    mutex_.lock();
    if (!std::exchange(sleeps_, false)) bell_.clear();
    if (phase_ == phase::open && includes(wanted.what, readiness::write)) may_write_ = true;
    pump(&call);
  }
}

// Returns whether something has come.
bool session_link::look_for(const session_call& call) {
  const time_point moved = moved_at_;
  pump(&call);
  return call.is_over_ || phase_ != phase::open || moved_at_ != moved;
}

// Whoever leads has something else to wait for than it knows.
void session_link::wake_leader() {
  if (std::exchange(sleeps_, false)) bell_.ring();
}

// Somebody else reads from now on, if there is anything to wait for.
void session_link::pass_on() {
  if (!followers_.empty())
    followers_.front().changed_.notify_one();
  else if (woken_calls_ != 0 && events_ != nullptr)
    post_pump();
}

void session_link::post_pump() {
  if (std::exchange(is_pump_posted_, true)) return;
  events_->post(std::static_pointer_cast<session_link>(shared_from_this()));
}

interest session_link::wants() {
  switch (phase_) {
    case phase::connecting:
      return connector_.wants();
    case phase::upgrading: {
      const auto what = request_.empty() ? readiness::read : readiness::both;
      const auto until = saturating_add(moved_at_, opening_timeout());
      return {socket_.native_handle(), what, until, serial_, &is_watched_};
    }
    case phase::open: {
      const auto what = may_write_ ? readiness::read : readiness::both;
      return {socket_.native_handle(), what, machine_->due(), serial_, &is_watched_};
    }
    case phase::over:
      break;
  }
  return {};
}

// ---- Reading

// Goes on as far as it can, or until that call is over. By one at a time. Returns whether it could
// go on.
bool session_link::pump(const session_call* until_over) {
  for (int i = 0; i < most_reads; ++i) {
    switch (phase_) {
      case phase::connecting:
        if (!connect()) return false;
        break;
      case phase::upgrading:
        try {
          if (!upgrade()) return false;
        } catch (const std::bad_alloc&) {  // what was read is not read again
          end(session_call::ending::lost, error(make_error_code(errc::connection_lost), {}));
          return false;
        }
        begin_queued(clock_now());
        flush();
        break;
      case phase::open: {
        const bool may_be_more = read();
        if (phase_ != phase::open) return false;
        if (!may_be_more) {
          if (const auto now = clock_now(); now >= machine_->due()) machine_->on_time(now);
          dispatch();
        }
        flush();
        if (!may_be_more) return false;
        if (until_over != nullptr && until_over->is_over_) return true;
        break;
      }
      case phase::over:
        return false;
    }
  }
  return true;
}

// Returns whether bytes have come, or the end. Others may write and begin calls meanwhile.
bool session_link::read() {
  std::array<mutable_bytes_view, 2> rooms{};
  const auto straight = machine_->direct();
  std::size_t first = 0;
  if (straight.left != 0 && straight.call < entries_.size() &&
      entries_[straight.call].call != nullptr) {
    entry& to = entries_[straight.call];
    rooms[0] = to.body.span().subspan(to.filled);
    rooms[0] = rooms[0].first(std::min({rooms[0].size(), straight.left, most_read}));
    first = rooms[0].size();
    if (first != 0) reads_for_ = straight.call;
  }
  if (first < most_read) rooms[1] = machine_->prepare();
  const std::size_t whole = first + rooms[1].size();
  stream* const socket = &socket_;  // closed by nobody before the end of this
  mutex_.unlock();
  const auto got = first != 0 ? socket->try_read(rooms) : socket->try_read(rooms[1]);
  mutex_.lock();
  reads_for_.reset();
  if (phase_ != phase::open) return false;
  if (got.what == io_result::kind::would_block) {
    if (first != 0) end_if_forgotten(straight.call);
    return false;
  }
  moved_at_ = clock_now();
  if (got.what != io_result::kind::some) {
    machine_->on_end();
    dispatch();
    return true;
  }
  const std::size_t there = std::min(first, got.size);
  if (there != 0) {
    entry& to = entries_[straight.call];
    to.filled += there;
    const bool is_last = machine_->note_direct(there, moved_at_);
    if (to.call == nullptr)
      to.body = {};
    else if (is_last)
      take_all(straight.call);
  }
  if (got.size > there) machine_->on_bytes(got.size - there, moved_at_);
  dispatch();
  return got.size == whole || machine_->direct().left != 0;
}

// ---- Writing

// What is sent meanwhile by others is written by whoever writes already.
void session_link::flush() {
  if (phase_ != phase::open || is_writing_ || is_silent_) return;
  // Somebody may wait for the end of this, however it comes.
  struct writing {
    explicit writing(session_link& of) noexcept : link(of) { link.is_writing_ = true; }
    ~writing() {
      link.is_writing_ = false;
      link.written_.notify_all();
    }
    writing(const writing&) = delete;
    writing& operator=(const writing&) = delete;
    session_link& link;
  };
  std::optional<writing> mine(*this);
  stream* const socket = &socket_;  // closed by nobody before the end of this
  while (phase_ == phase::open && may_write_ && machine_->has_output()) {
    const auto parts = machine_->batch();
    is_in_write_ = true;
    const unsigned seen = room_seen_;
    mutex_.unlock();
    const auto sent = socket->try_write(parts);
    mutex_.lock();
    is_in_write_ = false;
    const bool is_some = sent.what == io_result::kind::some;
    machine_->note_written(is_some ? sent.size : 0, clock_now());
    if (phase_ != phase::open) break;
    const bool is_broken =
        sent.what == io_result::kind::failed || sent.what == io_result::kind::closed;
    if (!is_some) {
      if (!is_broken && seen != room_seen_) continue;  // there is room since
      may_write_ = false;
      if (is_broken)
        machine_->on_end();  // behind what it has said
      else
        machine_->on_blocked(clock_now());
    }
    dispatch();
    if (is_broken) break;
  }
  mine.reset();
  if (!sleeps_ || phase_ != phase::open) return;
  const bool knows_all = may_write_ || includes(sleeps_for_.what, readiness::write);
  if (!knows_all || machine_->due() < sleeps_for_.until) wake_leader();
}

// As `flush`, but that it is left to the reactor where that is awake: it is about to look, and
// writes for all who have sent by then.
void session_link::flush_soon() {
  if (events_ == nullptr || phase_ != phase::open) return flush();
  if (is_flush_posted_) {
    // The executor is not to wait for the last of them.
    if (++unflushed_ % most_unflushed == 0) flush();
    return;
  }
  is_flush_posted_ =
      events_->post_if_awake(std::static_pointer_cast<session_link>(shared_from_this()));
  if (!is_flush_posted_) flush();
}

}  // namespace modal::detail
