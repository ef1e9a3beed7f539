// SPDX-License-Identifier: Apache-2.0
#include "worker/aside_runner.hpp"

#include <modal/base/clock.hpp>
#include <modal/base/mutex.hpp>

#include <deque>
#include <pthread.h>
#include <system_error>
#include <thread>

namespace modal::detail {
namespace {

constexpr std::size_t most_threads = 32;

}  // namespace

/// One of the two.
struct aside_runner::task {
  std::stop_source stop{std::nostopstate};
  std::vector<std::shared_ptr<const void>> last{};
};

struct aside_runner::shared {
  detail::mutex mutex;
  condition_variable changed;
  condition_variable idle;
  std::deque<task> waiting MODAL_GUARDED_BY(mutex);
  std::size_t threads MODAL_GUARDED_BY(mutex) = 0;
  std::size_t busy MODAL_GUARDED_BY(mutex) = 0;
  bool ending MODAL_GUARDED_BY(mutex) = false;
};

aside_runner::aside_runner() : shared_(std::make_shared<shared>()) {}

aside_runner::~aside_runner() {
  const mutex_lock lock(shared_->mutex);
  shared_->ending = true;
  shared_->changed.notify_all();
}

void aside_runner::request(std::stop_source which) {
  task made{.stop = std::move(which)};
  if (!hand_over(made)) made.stop.request_stop();
}

void aside_runner::end(std::vector<std::shared_ptr<const void>> last) noexcept {
  if (last.empty()) return;
  task made{.last = std::move(last)};
  (void)hand_over(made);
}

// Returns whether one of the threads has it now.
bool aside_runner::hand_over(task& what) noexcept {
  try {
    const mutex_lock lock(shared_->mutex);
    const bool needs_thread = shared_->busy + shared_->waiting.size() >= shared_->threads &&
                              shared_->threads < most_threads;
    if (needs_thread) {
      std::thread made([own = shared_] { run(own); });
      pthread_setname_np(made.native_handle(), "modal-aside");
      made.detach();
      ++shared_->threads;
    }
    shared_->waiting.push_back(std::move(what));
    shared_->changed.notify_one();
    return true;
  } catch (const std::system_error&) {  // no thread more
  } catch (const std::bad_alloc&) {
  }
  return false;
}

void aside_runner::run(const std::shared_ptr<shared>& own) {
  mutex_lock lock(own->mutex);
  for (;;) {
    while (!own->ending && own->waiting.empty()) own->changed.wait(lock);
    if (own->waiting.empty()) return;  // what was asked for is done first
    {
      task next = std::move(own->waiting.front());
      own->waiting.pop_front();
      ++own->busy;
      lock.unlock();
      if (next.stop.stop_possible()) next.stop.request_stop();
    }
    lock.lock();
    --own->busy;
    if (own->busy == 0 && own->waiting.empty()) own->idle.notify_all();
  }
}

bool aside_runner::wait_idle(std::chrono::nanoseconds patience) {
  mutex_lock lock(shared_->mutex);
  const auto until = saturating_add(std::chrono::steady_clock::now(), patience);
  for (bool in_time = true;;) {
    if (shared_->busy == 0 && shared_->waiting.empty()) return true;
    if (!in_time) return false;
    in_time = shared_->idle.wait_until(lock, until);
  }
}

}  // namespace modal::detail
