// SPDX-License-Identifier: Apache-2.0
#include "net/scribe.hpp"

#include <pthread.h>
#include <utility>

namespace modal::detail {
namespace {

constexpr std::size_t most_waiting = 256;

}  // namespace

void scribe::say(log_level level, std::string_view what, std::string_view why) noexcept {
  if (!sink_) return;
  try {
    record made{level, std::chrono::system_clock::now(), std::string(what).append(why)};
    const mutex_lock lock(mutex_);
    if (is_ending_ || waiting_.size() >= most_waiting) return;
    if (!thread_.joinable()) {
      thread_ = std::thread([this] { run(); });
      pthread_setname_np(thread_.native_handle(), "modal-log");
    }
    waiting_.push_back(std::move(made));
    changed_.notify_one();
  } catch (...) {  // no memory, or no thread
  }
}

void scribe::run() noexcept {
  mutex_lock lock(mutex_);
  for (;;) {
    while (waiting_.empty() && !is_ending_) changed_.wait(lock);
    if (waiting_.empty()) return;
    const record next = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    try {
      sink_({.level = next.level,
             .time = next.time,
             .message = next.message,
             .function = {},
             .call = {},
             .fields = {}});
    } catch (...) {  // against its contract
    }
    lock.lock();
  }
}

void scribe::end() noexcept {
  std::thread ended;
  {
    const mutex_lock lock(mutex_);
    is_ending_ = true;
    changed_.notify_one();
    ended = std::move(thread_);
  }
  if (ended.joinable()) ended.join();
}

}  // namespace modal::detail
