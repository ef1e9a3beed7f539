// SPDX-License-Identifier: Apache-2.0
#include "worker/thread_pool.hpp"

#include <condition_variable>
#include <mutex>
#include <pthread.h>

namespace modal::detail {

struct thread_pool::ended {
  std::mutex mutex;  // guards all below
  std::condition_variable changed;
  std::vector<bool> each;
  std::size_t count = 0;
};

thread_pool::thread_pool() : ended_(std::make_shared<ended>()) {}
thread_pool::~thread_pool() = default;

void thread_pool::start(std::size_t count, const char* name, const std::function<void()>& loop) {
  ended_->each.assign(count, false);
  threads_.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    threads_.emplace_back([loop = std::function<void()>(loop), i, ended = ended_]() mutable {
      loop();
      loop = nullptr;  // what the loop owns goes before the thread counts as ended
      const std::scoped_lock lock(ended->mutex);
      ended->each[i] = true;
      ++ended->count;
      ended->changed.notify_all();
    });
    pthread_setname_np(threads_.back().native_handle(), name);
  }
}

std::size_t thread_pool::join_for(std::chrono::nanoseconds patience) {
  if (threads_.empty()) return 0;
  std::vector<bool> done;
  {
    std::unique_lock lock(ended_->mutex);
    ended_->changed.wait_for(lock, patience, [this] { return ended_->count == threads_.size(); });
    done = ended_->each;
  }
  std::size_t left_behind = 0;
  for (std::size_t i = 0; i < threads_.size(); ++i) {
    if (done[i]) {
      threads_[i].join();
    } else {
      threads_[i].detach();
      ++left_behind;
    }
  }
  threads_.clear();
  return left_behind;
}

}  // namespace modal::detail
