// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/mutex.hpp>

#include <atomic>
#include <optional>
#include <stop_token>

namespace modal::detail {

/// The wish that a function should stop. Its `std::stop_source`, which takes memory, is made when
/// the function asks for a token: most never do. Safe to share between threads, but for `reset`.
class lazy_stop {
 public:
  /// Returns a token, which is stopped if that was wished before.
  std::stop_token token() {
    const mutex_lock lock(mutex_);
    if (!source_) {
      source_.emplace();
      if (is_requested()) source_->request_stop();  // nobody has a callback yet
    }
    return source_->get_token();
  }

  [[nodiscard]] bool is_requested() const noexcept {
    return requested_.load(std::memory_order_acquire);
  }

  /// Wishes for a stop. Returns what is then to be requested: it runs users' callbacks, which may
  /// block. Nothing where nobody asked for a token, or this is not the first wish.
  std::optional<std::stop_source> request() {
    const mutex_lock lock(mutex_);
    if (requested_.exchange(true, std::memory_order_acq_rel)) return std::nullopt;
    return source_;
  }

  /// Begins anew, for another run of the same call. Tokens of the last one are stopped no more.
  void reset() noexcept {
    const mutex_lock lock(mutex_);
    source_.reset();
    requested_.store(false, std::memory_order_release);
  }

 private:
  mutex mutex_;
  std::optional<std::stop_source> source_ MODAL_GUARDED_BY(mutex_);
  std::atomic<bool> requested_{false};
};

}  // namespace modal::detail
