// SPDX-License-Identifier: Apache-2.0
#include "worker/device_slot.hpp"

#include <modal/base/clock.hpp>
#include <modal/base/mutex.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <list>
#include <optional>
#include <pthread.h>
#include <sched.h>
#include <thread>
#include <utility>
#include <vector>

namespace modal::detail {
namespace {

// Marks are looked at, for that works with every device and after every fault: at first again and
// again, as most work is short, and then ever less often.
constexpr int looks_at_once = 50;
constexpr std::chrono::microseconds shortest_pause{50};
constexpr std::chrono::microseconds longest_pause{500};

struct watched {
  std::shared_ptr<gpu::event> mark;
  std::function<void()> then;
  time_point give_up_at;
};

// One whose device fails is as good as passed: whoever waits finds out what happened.
bool is_over(const watched& each) {
  const auto passed = each.mark->is_passed();
  return !passed || *passed;
}

}  // namespace

struct device_slot::shared {
  explicit shared(std::shared_ptr<device> which) : of(std::move(which)) {}

  void need_thread_locked(std::thread& which, const std::shared_ptr<shared>& self,
                          void (*loop)(const std::shared_ptr<shared>&)) MODAL_REQUIRES(mutex) {
    if (which.joinable()) return;
    which = std::thread([own = self, loop] { loop(own); });
    pthread_setname_np(which.native_handle(), "modal-device");
  }
  void note_passed() {
    const mutex_lock lock(mutex);
    if (--watched_count == 0) quiet.notify_all();
  }
  void note_task_done() {
    const mutex_lock lock(mutex);
    if (--task_count == 0) quiet.notify_all();
  }
  [[nodiscard]] std::size_t left() const MODAL_REQUIRES(mutex) {
    return watched_count + task_count;
  }

  const std::shared_ptr<device> of;
  detail::mutex mutex;
  condition_variable changed;
  condition_variable has_task;
  condition_variable quiet;
  std::vector<std::shared_ptr<gpu::stream>> idle MODAL_GUARDED_BY(mutex);
  std::list<watched> fresh MODAL_GUARDED_BY(mutex);
  std::list<std::function<void()>> tasks MODAL_GUARDED_BY(mutex);
  std::size_t watched_count MODAL_GUARDED_BY(mutex) = 0;
  std::size_t task_count MODAL_GUARDED_BY(mutex) = 0;
  device_health health MODAL_GUARDED_BY(mutex);
  std::optional<time_point> looked_at MODAL_GUARDED_BY(mutex);
  bool is_looking MODAL_GUARDED_BY(mutex) = false;
  condition_variable has_looked;
  std::thread watcher MODAL_GUARDED_BY(mutex);
  std::thread helper MODAL_GUARDED_BY(mutex);
  bool ends MODAL_GUARDED_BY(mutex) = false;
};

device_slot::device_slot(std::shared_ptr<device> which, std::chrono::nanoseconds patience)
    : name_(to_name(which->info())),
      patience_(patience),
      shared_(std::make_shared<shared>(std::move(which))) {}

device_slot::~device_slot() {
  std::array<std::thread, 2> threads;
  bool is_quiet = false;
  {
    const mutex_lock lock(shared_->mutex);
    shared_->ends = true;
    shared_->changed.notify_one();
    shared_->has_task.notify_one();
    threads = {std::move(shared_->watcher), std::move(shared_->helper)};
    is_quiet = shared_->left() == 0;
  }
  for (std::thread& each : threads) {
    if (!each.joinable()) continue;
    // What is watched may never be passed; and it may be the last thing of all that has ended here.
    if (is_quiet && each.get_id() != std::this_thread::get_id())
      each.join();
    else
      each.detach();
  }
}

device& device_slot::which() noexcept { return *shared_->of; }

device_health device_slot::health() {
  constexpr std::chrono::seconds shortest_interval{1};
  constexpr std::chrono::milliseconds patience{20};
  const auto own = shared_;
  {
    const mutex_lock lock(own->mutex);
    if (own->of->is_given_up()) return {};
    const time_point now = real_clock().now();
    if (own->is_looking || (own->looked_at && now - *own->looked_at < shortest_interval))
      return own->health;
    own->is_looking = true;
  }
  try {
    // Its own: it may never come back, and nobody is to wait for it.
    std::thread([own] {
      const device_health found = own->of->health();
      const mutex_lock lock(own->mutex);
      own->health = found;
      own->looked_at = real_clock().now();
      own->is_looking = false;
      own->has_looked.notify_all();
    }).detach();
  } catch (const std::exception&) {  // no memory, or no thread: then another time
    const mutex_lock lock(own->mutex);
    own->is_looking = false;
  }
  mutex_lock lock(own->mutex);
  const auto until = std::chrono::steady_clock::now() + patience;
  while (own->is_looking && own->has_looked.wait_until(lock, until)) {
  }
  return own->health;
}

result<std::shared_ptr<gpu::stream>> device_slot::take_stream() {
  std::shared_ptr<gpu::stream> found;
  {
    const mutex_lock lock(shared_->mutex);
    if (!shared_->idle.empty()) {
      found = std::move(shared_->idle.back());
      shared_->idle.pop_back();
    }
  }
  if (shared_->of->has_failed()) found = nullptr;  // to make one says why
  if (found == nullptr) {
    auto made = shared_->of->make_stream();
    if (!made) return made;
    found = *std::move(made);
  }
  found->begin_peak();
  gpu::stream* const bare = found.get();
  return std::shared_ptr<gpu::stream>(
      bare, [own = shared_, kept = std::move(found)](gpu::stream*) mutable noexcept {
        try {
          const mutex_lock lock(own->mutex);
          own->idle.push_back(std::move(kept));
        } catch (const std::bad_alloc&) {  // then it is made anew
        }
      });
}

void device_slot::when_passed(std::shared_ptr<gpu::event> mark, std::function<void()> then,
                              time_point deadline) {
  std::list<watched> one;
  one.push_back({std::move(mark), std::move(then), saturating_add(deadline, patience_)});
  const mutex_lock lock(shared_->mutex);
  shared_->need_thread_locked(shared_->watcher, shared_, watch);
  shared_->fresh.splice(shared_->fresh.end(), one);
  ++shared_->watched_count;
  shared_->changed.notify_one();
}

void device_slot::post(std::function<void()> task) {
  std::list<std::function<void()>> one;
  one.push_back(std::move(task));
  const mutex_lock lock(shared_->mutex);
  shared_->need_thread_locked(shared_->helper, shared_, do_tasks);
  shared_->tasks.splice(shared_->tasks.end(), one);
  ++shared_->task_count;
  shared_->has_task.notify_one();
}

void device_slot::grant_wish() noexcept {
  const std::size_t wished = shared_->of->pinned().wish();
  if (wished == 0) return;
  try {
    post([own = shared_, wished] { (void)own->of->pinned().take(wished); });
  } catch (const std::exception&) {  // no memory, or no thread: then not
  }
}

bool device_slot::wait_passed(time_point until) {
  mutex_lock lock(shared_->mutex);
  while (shared_->watched_count != 0)
    if (!shared_->quiet.wait_until(lock, until)) return shared_->watched_count == 0;
  return true;
}

bool device_slot::wait_quiet(time_point until) {
  mutex_lock lock(shared_->mutex);
  while (shared_->left() != 0)
    if (!shared_->quiet.wait_until(lock, until)) return shared_->left() == 0;
  return true;
}

void device_slot::do_tasks(const std::shared_ptr<shared>& own) {
  for (;;) {
    std::list<std::function<void()>> task;
    {
      mutex_lock lock(own->mutex);
      while (own->tasks.empty()) {
        if (own->ends) return;
        own->has_task.wait(lock);
      }
      task.splice(task.end(), own->tasks, own->tasks.begin());
    }
    task.front()();
    task.clear();
    own->note_task_done();
  }
}

void device_slot::watch(const std::shared_ptr<shared>& own) {
  std::list<watched> all;
  int looks = 0;
  auto pause = shortest_pause;
  for (;;) {
    {
      mutex_lock lock(own->mutex);
      const auto until = std::chrono::steady_clock::now() + pause;
      while (own->fresh.empty()) {
        if (all.empty()) {
          if (own->ends) return;
          own->changed.wait(lock);
        } else if (looks < looks_at_once || !own->changed.wait_until(lock, until)) {
          break;
        }
      }
      if (!own->fresh.empty()) {
        looks = 0;
        pause = shortest_pause;
        all.splice(all.end(), own->fresh);
      }
    }
    // In the order in which they were put there: the first is most likely passed.
    bool is_news = false;
    const time_point now = real_clock().now();
    for (auto each = all.begin(); each != all.end();) {
      if (!is_over(*each)) {
        if (now >= each->give_up_at)
          own->of->give_up(
              "what a call had put there did not end, long after its function's timeout");
        ++each;
        continue;
      }
      {
        std::list<watched> passed;
        passed.splice(passed.end(), all, each++);
        passed.front().then();
      }
      own->note_passed();
      is_news = true;
    }
    if (is_news) {
      looks = 0;
      pause = shortest_pause;
    } else if (++looks <= looks_at_once) {
      ::sched_yield();
    } else {
      pause = std::min(2 * pause, longest_pause);
    }
  }
}

}  // namespace modal::detail
