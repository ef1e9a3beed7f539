// SPDX-License-Identifier: Apache-2.0
#include "worker/thread_pool.hpp"

#include <modal/base/clock.hpp>
#include <modal/base/mutex.hpp>

#include <cerrno>
#include <pthread.h>
#include <system_error>
#include <utility>

namespace modal::detail {

struct thread_pool::shared {
  detail::mutex mutex;
  condition_variable changed;
  std::vector<std::thread> threads MODAL_GUARDED_BY(mutex);
  std::vector<bool> ended MODAL_GUARDED_BY(mutex);  // one for each thread
  std::size_t ended_count MODAL_GUARDED_BY(mutex) = 0;
  bool joined MODAL_GUARDED_BY(mutex) = false;  ///< no thread is added any more
};

thread_pool::thread_pool() : shared_(std::make_shared<shared>()) {}
thread_pool::~thread_pool() = default;

void thread_pool::start(std::size_t count, const char* name, std::function<void()> loop) {
  name_ = name;
  loop_ = std::move(loop);
  for (std::size_t i = 0; i < count; ++i) add();
}

void thread_pool::add() {
  const mutex_lock lock(shared_->mutex);
  if (shared_->joined) throw std::system_error(ESRCH, std::generic_category(), "thread pool");
  const std::size_t index = shared_->threads.size();
  shared_->ended.push_back(false);
  try {
    shared_->threads.emplace_back([loop = loop_, index, own = shared_]() mutable {
      loop();
      loop = nullptr;  // what the loop owns goes before the thread counts as ended
      const mutex_lock ending(own->mutex);
      own->ended[index] = true;
      ++own->ended_count;
      own->changed.notify_all();
    });
  } catch (...) {
    shared_->ended.pop_back();
    throw;
  }
  pthread_setname_np(shared_->threads.back().native_handle(), name_.c_str());
}

bool thread_pool::grow() noexcept {
  try {
    add();
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

std::size_t thread_pool::join_for(std::chrono::nanoseconds patience,
                                  const std::function<std::size_t()>& busy) {
  std::vector<std::thread> threads;
  std::vector<bool> ended;
  {
    mutex_lock lock(shared_->mutex);
    const auto until = saturating_add(std::chrono::steady_clock::now(), patience);
    while (shared_->ended_count < shared_->threads.size() &&
           shared_->changed.wait_until(lock, until)) {
    }
    // One that stops being busy ends then, and tells.
    while (shared_->ended_count + busy() < shared_->threads.size()) shared_->changed.wait(lock);
    ended = shared_->ended;  // a thread that is left behind still writes to its own place
    shared_->joined = true;
    threads.swap(shared_->threads);
    shared_->ended_count = 0;
  }
  loop_ = nullptr;
  std::size_t left_behind = 0;
  for (std::size_t i = 0; i < threads.size(); ++i) {
    if (ended[i]) {
      threads[i].join();
    } else {
      threads[i].detach();
      ++left_behind;
    }
  }
  return left_behind;
}

std::size_t thread_pool::size() const {
  const mutex_lock lock(shared_->mutex);
  return shared_->threads.size();
}

}  // namespace modal::detail
