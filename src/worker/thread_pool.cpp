// SPDX-License-Identifier: Apache-2.0
#include "worker/thread_pool.hpp"

#include <modal/base/clock.hpp>

#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <pthread.h>
#include <system_error>
#include <utility>

namespace modal::detail {

struct thread_pool::shared {
  mutable std::mutex mutex;  // guards all below
  std::condition_variable changed;
  std::vector<std::thread> threads;
  std::vector<bool> ended;  // one for each thread
  std::size_t ended_count = 0;
  bool joined = false;  ///< no thread is added any more
};

thread_pool::thread_pool() : shared_(std::make_shared<shared>()) {}
thread_pool::~thread_pool() = default;

void thread_pool::start(std::size_t count, const char* name, std::function<void()> loop) {
  name_ = name;
  loop_ = std::move(loop);
  for (std::size_t i = 0; i < count; ++i) add();
}

void thread_pool::add() {
  const std::scoped_lock lock(shared_->mutex);
  if (shared_->joined) throw std::system_error(ESRCH, std::generic_category(), "thread pool");
  const std::size_t index = shared_->threads.size();
  shared_->ended.push_back(false);
  try {
    shared_->threads.emplace_back([loop = loop_, index, own = shared_]() mutable {
      loop();
      loop = nullptr;  // what the loop owns goes before the thread counts as ended
      const std::scoped_lock ending(own->mutex);
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
    std::unique_lock lock(shared_->mutex);
    const auto all = [this] { return shared_->ended_count == shared_->threads.size(); };
    const auto until = saturating_add(std::chrono::steady_clock::now(), patience);
    // One that stops being busy ends then, and tells.
    if (!shared_->changed.wait_until(lock, until, all))
      shared_->changed.wait(
          lock, [&] { return shared_->ended_count + busy() >= shared_->threads.size(); });
    shared_->joined = true;
    threads.swap(shared_->threads);
    ended = shared_->ended;  // a thread that is left behind still writes to its own place
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
  const std::scoped_lock lock(shared_->mutex);
  return shared_->threads.size();
}

}  // namespace modal::detail
