// SPDX-License-Identifier: Apache-2.0
#include "net/event_loop.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace modal::detail {
namespace {

using std::chrono::steady_clock;

constexpr int most_events = 16;
constexpr std::chrono::microseconds most_time{100};
constexpr int most_rounds = 2;  // of telling one target, at once

[[noreturn]] void throw_system(const char* what) {
  throw std::system_error(errno, std::system_category(), what);
}

bool control(const stream& epoll, int what, int descriptor, std::uint32_t wanted,
             void* mark) noexcept {
  epoll_event event{};
  event.events = wanted;
  event.data.ptr = mark;
  return ::epoll_ctl(epoll.native_handle(), what, descriptor, &event) == 0;
}

void add_to(const stream& epoll, int descriptor, std::uint32_t wanted, void* mark) {
  if (!control(epoll, EPOLL_CTL_ADD, descriptor, wanted, mark)) throw_system("epoll_ctl");
}

// Who has taken several events at once gives the others away when this is over: a thread may be
// waiting for them, and what came of the first may wait for this one.
class turn {
 public:
  [[nodiscard]] bool is_over() const noexcept { return steady_clock::now() - begun_ > most_time; }

 private:
  const time_point begun_ = steady_clock::now();
};

event_loop::events to_events(std::uint32_t found) noexcept {
  event_loop::events what = 0;
  if ((found & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) what |= event_loop::readable;
  if ((found & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) what |= event_loop::ended;
  if ((found & EPOLLPRI) != 0) what |= event_loop::urgent;
  if ((found & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) what |= event_loop::writable;
  return what;
}

}  // namespace

// Neither bell nor timer is ever read: edge-triggered, each write is an event. The end is seen by
// all.
event_loop::event_loop(polling how)
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      bell_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)),
      over_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      guard_(how) {
  if (!epoll_.is_open()) throw_system("epoll_create1");
  if (!bell_.is_open() || !over_.is_open()) throw_system("eventfd");
  if (!timer_.is_open()) throw_system("timerfd_create");
  add_to(epoll_, bell_.native_handle(), EPOLLIN | EPOLLET, &bell_);
  add_to(epoll_, timer_.native_handle(), EPOLLIN | EPOLLET, &timer_);
  add_to(epoll_, over_.native_handle(), EPOLLIN, &over_);
  if (!guard_.is_on()) return;
  gate_ = stream(::epoll_create1(EPOLL_CLOEXEC));
  if (!gate_.is_open()) throw_system("epoll_create1");
  add_to(gate_, native_handle(), EPOLLIN | EPOLLET, nullptr);
  add_to(gate_, over_.native_handle(), EPOLLIN, nullptr);
}

event_loop::~event_loop() { forget(); }

void event_loop::forget() noexcept {
  std::shared_ptr<target> next;  // let go of without the lock, one after the other
  {
    const mutex_lock lock(mutex_);
    next = std::move(first_told_);
    last_told_ = nullptr;
    told_count_ = 0;
  }
  while (next != nullptr) next = std::exchange(next->next_told_, nullptr);
}

void event_loop::watch(int descriptor, target& whom) {
  auto owner = whom.shared_from_this();
  slot* place = nullptr;
  {
    const mutex_lock lock(mutex_);
    // There is room for each to come back: `unwatch` must not need memory.
    if (free_slots_.capacity() <= slots_.size()) free_slots_.reserve(2 * slots_.size() + 16);
    if (free_slots_.empty()) free_slots_.push_back(&slots_.emplace_back());
    place = free_slots_.back();
    free_slots_.pop_back();
  }
  {
    const mutex_lock lock(place->mutex);
    place->whom = std::move(owner);
  }
  whom.slot_ = place;
  try {
    add_to(epoll_, descriptor, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET, place);
  } catch (...) {
    unwatch(-1, whom);
    throw;
  }
}

// An event that another thread has taken already finds nobody, or whoever has the place next: what
// a target is told is a reason to look, and no more than that.
void event_loop::unwatch(int descriptor, target& whom) noexcept {
  slot* const place = std::exchange(whom.slot_, nullptr);
  if (place == nullptr) return;
  if (descriptor >= 0) ::epoll_ctl(native_handle(), EPOLL_CTL_DEL, descriptor, nullptr);
  std::shared_ptr<target> owner;  // let go of without a lock
  {
    const mutex_lock lock(place->mutex);
    owner = std::move(place->whom);
  }
  const mutex_lock lock(mutex_);
  free_slots_.push_back(place);
}

void event_loop::schedule(target& whom, time_point due) noexcept {
  const mutex_lock lock(mutex_);
  if (whom.due_ == due) return;
  if (whom.hook_.is_linked()) times_.erase(times_.iterator_to(whom));
  whom.due_ = due;
  if (due == never) return;
  times_.insert(whom);
  set_timer_locked();
}

// The timer is only ever set to be earlier: when it fires in vain, it is set anew.
void event_loop::set_timer_locked() noexcept {
  if (times_.empty() || times_.begin()->due_ >= timer_at_) return;
  timer_at_ = times_.begin()->due_;
  const auto since_boot = std::max(timer_at_.time_since_epoch(), time_point::duration{1});
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_boot);
  itimerspec when{};
  when.it_value.tv_sec = seconds.count();
  when.it_value.tv_nsec = std::chrono::nanoseconds(since_boot - seconds).count();
  ::timerfd_settime(timer_.native_handle(), TFD_TIMER_ABSTIME, &when, nullptr);
}

void event_loop::run_due() noexcept {
  const auto now = steady_clock::now();
  const turn mine;
  for (bool is_first = true;; is_first = false) {
    std::shared_ptr<target> whom;  // let go of without the lock
    {
      const mutex_lock lock(mutex_);
      if (is_first) timer_at_ = never;
      // For those that are left it fires at once, and another thread may have them.
      if (times_.empty() || times_.begin()->due_ > now || (!is_first && mine.is_over()))
        return set_timer_locked();
      target& first = *times_.begin();
      times_.erase(times_.begin());
      first.due_ = never;
      whom = first.weak_from_this().lock();
    }
    if (whom != nullptr) raise(*whom, late);  // else it is just ending
  }
}

void event_loop::raise(target& whom, events what) noexcept {
  if ((whom.state_.fetch_or(what | busy, std::memory_order_acq_rel) & busy) != 0) return;
  for (int i = 0; i < most_rounds; ++i) {
    const events found = whom.state_.exchange(busy, std::memory_order_acq_rel) & ~busy;
    if (found != 0) whom.on_events(found);
    events nothing_more = busy;
    if (whom.state_.compare_exchange_strong(nothing_more, 0, std::memory_order_acq_rel)) return;
  }
  // Others wait for this thread.
  const events left = whom.state_.exchange(0, std::memory_order_acq_rel) & ~busy;
  if (left != 0) tell(whom.shared_from_this(), left);
}

// The caller may hold a lock that the end of `whom` needs too: its reference goes to the list, or
// goes while the list has another.
void event_loop::tell(std::shared_ptr<target> whom, events what) noexcept {
  {
    const mutex_lock lock(mutex_);
    if (std::exchange(whom->told_, whom->told_ | what) != 0) return whom.reset();
    ++told_count_;
    target* const last = std::exchange(last_told_, whom.get());
    (last != nullptr ? last->next_told_ : first_told_) = std::move(whom);
    if (last != nullptr) return;  // whoever was first has rung
  }
  ring();
}

// Those that are told meanwhile have the next turn: one that always goes on holds up nobody.
void event_loop::run_told() noexcept {
  turn mine;
  std::size_t left = 0;
  for (bool is_first = true;; is_first = false) {
    std::shared_ptr<target> whom;  // let go of without the lock
    events what = 0;
    {
      const mutex_lock lock(mutex_);
      if (is_first) left = told_count_;
      if (first_told_ == nullptr) return;
      if (left == 0 || (!is_first && mine.is_over())) break;
      --left;
      --told_count_;
      whom = std::move(first_told_);
      first_told_ = std::move(whom->next_told_);
      if (first_told_ == nullptr) last_told_ = nullptr;
      what = std::exchange(whom->told_, 0);
    }
    raise(*whom, what);
  }
  ring();  // for those that are left
}

void event_loop::ring() noexcept {
  const std::uint64_t one = 1;
  (void)!::write(bell_.native_handle(), &one, sizeof one);
}

int event_loop::poll_once(epoll_event* found) noexcept {
  return ::epoll_wait(native_handle(), found, most_events, 0);
}

// An open gate wakes one for each event, as the loop itself does; opened, for what is there.
void event_loop::set_gate(bool is_open) noexcept {
  control(gate_, EPOLL_CTL_MOD, native_handle(), is_open ? EPOLLIN | EPOLLET : 0U, nullptr);
}

// Whoever polls opens the gate before it is away, so that somebody always waits. Where nobody
// sleeps there it is not closed: whoever comes meanwhile is woken in vain, once.
int event_loop::wait(epoll_event* found) noexcept {
  if (!guard_.is_on()) return wait_for_events(native_handle(), found, most_events, -1);
  int count = 0;
  if (has_worked_.exchange(false) && !is_polled_.exchange(true)) {
    bool is_closed = false;
    poll(guard_, [&] {
      count = poll_once(found);
      if (count == 0 && !is_closed && asleep_.load() != 0) {
        set_gate(false);
        is_closed = true;
      }
      return count != 0;
    });
    if (is_closed) set_gate(true);
    is_polled_.store(false);
  }
  if (count == 0) {
    asleep_.fetch_add(1);
    do {
      epoll_event opened[2];
      (void)wait_for_events(gate_.native_handle(), opened, 2, -1);
      count = poll_once(found);
    } while (count == 0);
    asleep_.fetch_sub(1);
  }
  // There may be more, of which the gate has told already; also those who are about to sleep there.
  if (count == most_events) set_gate(true);
  return count;
}

void event_loop::pass(waiter who) noexcept {
  epoll_event found[most_events];
  const int count = who == waiter::host ? poll_once(found) : wait(found);
  if (who == waiter::looker)
    lookers_.fetch_sub(1);
  else if (who == waiter::keeper && count > 0)
    hand_over();
  // Those with much to do come last, and before them what was told, some of which goes on with
  // that.
  std::array<const epoll_event*, most_events> heavy;
  std::size_t heavy_count = 0;
  bool has_rung = false;
  bool is_first = true;
  const turn mine;
  const auto carry_out = [&](const epoll_event& one, bool may_wait) {
    auto& place = *static_cast<slot*>(one.data.ptr);
    std::shared_ptr<target> whom;
    {
      const mutex_lock lock(place.mutex);
      whom = place.whom;
    }
    if (whom == nullptr) return;
    if (may_wait && whom->is_heavy_.load(std::memory_order_relaxed)) {
      heavy[heavy_count++] = &one;
      return;
    }
    has_worked_.store(true);
    const events what = to_events(one.events);
    if (std::exchange(is_first, false) || !mine.is_over()) {
      raise(*whom, what);
    } else {
      tell(std::move(whom), what);
      hand_over();
    }
  };
  for (int i = 0; i < count; ++i) {
    void* const mark = found[i].data.ptr;
    if (mark == &over_) continue;
    if (mark == &bell_)
      has_rung = true;
    else if (mark == &timer_)
      run_due();
    else
      carry_out(found[i], count > 1);
  }
  if (has_rung) {
    run_told();
    if (who == waiter::looker) (void)take_wake();
    // The word may have been for another one.
    if (wakes_.load() != 0 && lookers_.load() != 0) ring();
  }
  for (std::size_t i = 0; i < heavy_count; ++i) carry_out(*heavy[i], false);
}

// Whoever rings counts the wake first, and whoever looks counts itself first: one of the two sees
// the other.
bool event_loop::take_wake() noexcept {
  std::size_t left = wakes_.load();
  while (left != 0)
    if (wakes_.compare_exchange_weak(left, left - 1)) return true;
  return false;
}

void event_loop::look() noexcept {
  lookers_.fetch_add(1);
  if (take_wake())
    lookers_.fetch_sub(1);
  else
    pass(waiter::looker);
}

void event_loop::wake() noexcept {
  wakes_.fetch_add(1);
  ring();
}

void event_loop::hand_over() noexcept {
  if (lookers_.load() != 0 || parked_.load() == 0) return;
  const mutex_lock lock(mutex_);
  may_keep_.notify_one();
}

bool event_loop::may_keep() const noexcept {
  return is_ending_.load() || (lookers_.load() == 0 && !is_lent_.load());
}

// While others look, this must not wait for events too: the last to wait would be told first. One
// that waits already is told last.
void event_loop::keep() noexcept {
  for (;;) {
    if (!may_keep()) {
      mutex_lock lock(mutex_);
      parked_.fetch_add(1);
      while (!may_keep()) may_keep_.wait(lock);
      parked_.fetch_sub(1);
    }
    if (is_ending_.load()) return;
    pass(waiter::keeper);
  }
}

void event_loop::end() noexcept {
  is_ending_.store(true);
  {
    const mutex_lock lock(mutex_);
    may_keep_.notify_all();
  }
  const std::uint64_t one = 1;
  (void)!::write(over_.native_handle(), &one, sizeof one);
}

void event_loop::run_ready() noexcept { pass(waiter::host); }

void event_loop::lend(bool is_lent) noexcept {
  is_lent_.store(is_lent);
  const mutex_lock lock(mutex_);
  may_keep_.notify_all();
}

}  // namespace modal::detail
