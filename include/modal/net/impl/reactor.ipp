// SPDX-License-Identifier: Apache-2.0
#include <modal/net/reactor.hpp>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>

namespace modal::detail {
namespace {

constexpr std::uint64_t wake_mark = ~std::uint64_t{0};
constexpr int most_events = 128;

[[noreturn]] void throw_system(const char* what) {
  throw std::system_error(errno, std::system_category(), what);
}

// Runs a step of one target; what it throws ends that target, not the thread.
template <class Step>
void guarded(reactor::target& whom, Step step) noexcept {
  try {
    step(whom);
  } catch (const std::exception& thrown) {
    whom.on_error(thrown.what());
  } catch (...) {
    whom.on_error("something that is no std::exception was thrown");
  }
}

}  // namespace

reactor::reactor(std::function<void(int)> on_idle_ready, polling how)
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      on_idle_ready_(std::move(on_idle_ready)),
      guard_(how) {
  if (!epoll_.is_open()) throw_system("epoll_create1");
  if (!wake_.is_open()) throw_system("eventfd");
  // Edge-triggered, so that it is never read: each write is an event.
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.u64 = wake_mark;
  if (::epoll_ctl(epoll(), EPOLL_CTL_ADD, wake_.native_handle(), &event) != 0)
    throw_system("epoll_ctl");
  thread_ = std::thread([this] {
    run();
    const auto last = std::move(owner_);  // may end this object
  });
  pthread_setname_np(thread_.native_handle(), "modal-client");
}

reactor::~reactor() = default;

void reactor::stop(std::shared_ptr<void> owner) noexcept {
  {
    const mutex_lock lock(mutex_);
    is_ending_ = true;
  }
  if (is_this_thread()) {
    on_idle_ready_ = [](int) {};
    owner_ = std::move(owner);
    return thread_.detach();
  }
  const std::uint64_t one = 1;
  (void)!::write(wake_.native_handle(), &one, sizeof one);
  thread_.join();
}

void reactor::post(std::shared_ptr<target> whom, time_point by) {
  {
    const mutex_lock lock(mutex_);
    if (is_over_) return;
    posted_.push_back(std::move(whom));
    if (!is_waiting_ || by >= wakes_at_) return;  // it looks before it waits, and then
    is_waiting_ = false;
  }
  const std::uint64_t one = 1;
  (void)!::write(wake_.native_handle(), &one, sizeof one);
}

bool reactor::post_if_awake(std::shared_ptr<target> whom) {
  const mutex_lock lock(mutex_);
  if (is_over_ || is_waiting_) return false;
  posted_.push_back(std::move(whom));
  return true;
}

bool reactor::watch(int descriptor, target& whom, bool& is_watched) {
  const auto index = static_cast<std::size_t>(descriptor);
  if (index >= watched_.size()) watched_.resize(std::max(index + 1, 2 * watched_.size()));
  watched& entry = watched_[index];
  entry.whom = &whom;
  const bool has_missed = std::exchange(entry.has_missed, false);
  if (is_watched) return has_missed;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.u64 = std::uint64_t{++entry.turn} << 32 | static_cast<std::uint32_t>(descriptor);
  if (::epoll_ctl(epoll(), EPOLL_CTL_ADD, descriptor, &event) != 0) {
    entry.whom = nullptr;
    throw_system("epoll_ctl");
  }
  is_watched = true;
  return false;  // what has happened already is told too
}

void reactor::unwatch(int descriptor, const target& whom) noexcept {
  const auto index = static_cast<std::size_t>(descriptor);
  if (index < watched_.size() && watched_[index].whom == &whom) watched_[index].whom = nullptr;
}

void reactor::schedule(target& whom, time_point due) noexcept {
  if (whom.due_ == due) return;
  if (whom.hook_.is_linked()) times_.erase(times_.iterator_to(whom));
  whom.due_ = due;
  if (due != never) times_.insert(whom);
}

void reactor::run() {
  std::vector<std::shared_ptr<target>> taken;
  bool has_worked = false;
  for (;;) {
    // Posts wake nobody meanwhile.
    if (has_worked) has_worked = poll(guard_, [this] { return poll_once(); });
    bool ending = false;
    time_point until = time_point::min();
    taken.clear();
    {
      const mutex_lock lock(mutex_);
      std::swap(taken, posted_);
      ending = is_ending_;
      is_over_ = ending && taken.empty();
      if (is_over_) return;
      is_waiting_ = taken.empty() && !has_worked;
      if (is_waiting_) {
        // It is only ever made earlier: waking in vain, once in a while, spares most posts a word.
        if (!times_.empty()) wakes_at_ = std::min(wakes_at_, times_.begin()->due_);
        until = wakes_at_;
      }
    }
    // Events first: a connection that ended before a call was posted is not to be used for it. Not
    // all of them: there may be more as long as somebody goes on making some.
    const int count = wait(until);
    if (count == most_events) wait(time_point::min());
    const bool has_waited = taken.empty() && !has_worked;
    has_worked = count > 0 || !taken.empty();
    if (has_waited) {
      const mutex_lock lock(mutex_);
      is_waiting_ = false;
      if (wakes_at_ <= std::chrono::steady_clock::now()) wakes_at_ = never;
    }
    for (auto& whom : taken) {
      guarded(*whom, [](target& each) { each.on_posted(); });
      whom.reset();
    }
    run_due();
  }
}

// Returns whether there was something to do.
bool reactor::poll_once() {
  if (wait(time_point::min()) > 0) return true;
  const mutex_lock lock(mutex_);
  return !posted_.empty() || is_ending_;
}

// Returns how many events there were; after as many as it takes there may be more at once.
int reactor::wait(time_point until) {
  int timeout = until == never ? -1 : 0;
  if (timeout == 0 && until != time_point::min()) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    timeout = static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, INT_MAX));
  }
  epoll_event events[most_events];
  const int count = wait_for_events(epoll(), events, most_events, timeout);
  for (int i = 0; i < count; ++i) {
    const std::uint64_t mark = events[i].data.u64;
    if (mark == wake_mark) continue;
    const auto descriptor = static_cast<std::uint32_t>(mark);
    watched& entry = watched_[descriptor];
    if (entry.turn != mark >> 32) continue;  // of a descriptor that was closed meanwhile
    if (entry.whom == nullptr) {
      entry.has_missed = true;
      on_idle_ready_(static_cast<int>(descriptor));
      continue;
    }
    const auto alive = entry.whom->shared_from_this();
    guarded(*alive, [](target& each) { each.on_ready(); });
  }
  return count;
}

void reactor::run_due() {
  if (times_.empty()) return;
  const auto now = std::chrono::steady_clock::now();
  while (!times_.empty() && times_.begin()->due_ <= now) {
    target& whom = *times_.begin();
    schedule(whom, never);
    const auto alive = whom.shared_from_this();
    guarded(*alive, [](target& each) { each.on_time(); });
  }
}

}  // namespace modal::detail
