// SPDX-License-Identifier: Apache-2.0
#include "worker/stop_runner.hpp"

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

struct stop_runner::shared {
  detail::mutex mutex;
  condition_variable changed;
  condition_variable idle;
  std::deque<std::stop_source> waiting MODAL_GUARDED_BY(mutex);
  std::size_t threads MODAL_GUARDED_BY(mutex) = 0;
  std::size_t busy MODAL_GUARDED_BY(mutex) = 0;
  bool ending MODAL_GUARDED_BY(mutex) = false;
};

stop_runner::stop_runner() : shared_(std::make_shared<shared>()) {}

stop_runner::~stop_runner() {
  const mutex_lock lock(shared_->mutex);
  shared_->ending = true;
  shared_->changed.notify_all();
}

void stop_runner::request(std::stop_source which) {
  try {
    const mutex_lock lock(shared_->mutex);
    const bool needs_thread = shared_->busy + shared_->waiting.size() >= shared_->threads &&
                              shared_->threads < most_threads;
    if (needs_thread) {
      std::thread made([own = shared_] { run(own); });
      pthread_setname_np(made.native_handle(), "modal-stop");
      made.detach();
      ++shared_->threads;
    }
    shared_->waiting.push_back(which);
    shared_->changed.notify_one();
    return;
  } catch (const std::system_error&) {  // no thread more
  } catch (const std::bad_alloc&) {
  }
  which.request_stop();
}

void stop_runner::run(const std::shared_ptr<shared>& own) {
  mutex_lock lock(own->mutex);
  for (;;) {
    while (!own->ending && own->waiting.empty()) own->changed.wait(lock);
    if (own->waiting.empty()) return;  // what was asked for is done first
    {
      std::stop_source next = std::move(own->waiting.front());
      own->waiting.pop_front();
      ++own->busy;
      lock.unlock();
      next.request_stop();
    }
    lock.lock();
    --own->busy;
    if (own->busy == 0 && own->waiting.empty()) own->idle.notify_all();
  }
}

bool stop_runner::wait_idle(std::chrono::nanoseconds patience) {
  mutex_lock lock(shared_->mutex);
  const auto until = saturating_add(std::chrono::steady_clock::now(), patience);
  for (bool in_time = true;;) {
    if (shared_->busy == 0 && shared_->waiting.empty()) return true;
    if (!in_time) return false;
    in_time = shared_->idle.wait_until(lock, until);
  }
}

}  // namespace modal::detail
