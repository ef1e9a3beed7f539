// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/mutex.hpp>
#include <modal/function/log.hpp>

#include <chrono>
#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <thread>

namespace modal::detail {

/// Writes log records of the listener on a thread of its own, which the first of them starts: the
/// sink is the user's and may take its time, and whoever has something to say holds events of
/// others in its hand. Safe to share.
class scribe {
 public:
  explicit scribe(log_sink to) : sink_(std::move(to)) {}
  ~scribe() { end(); }
  scribe(const scribe&) = delete;
  scribe& operator=(const scribe&) = delete;

  /// Has it written, soon. Never blocks; where there is no memory, or too much waits already, it is
  /// not written.
  void say(log_level level, std::string_view what, std::string_view why = {}) noexcept;

  /// Returns when all is written; what is said afterwards is not. Not from the sink.
  void end() noexcept;

 private:
  struct record {
    log_level level;
    std::chrono::system_clock::time_point time;
    std::string message;
  };
  void run() noexcept;

  const log_sink sink_;
  detail::mutex mutex_;
  condition_variable changed_;
  std::deque<record> waiting_ MODAL_GUARDED_BY(mutex_);
  bool is_ending_ MODAL_GUARDED_BY(mutex_) = false;
  std::thread thread_ MODAL_GUARDED_BY(mutex_);
};

}  // namespace modal::detail
