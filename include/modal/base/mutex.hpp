// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/clock.hpp>

#include <condition_variable>
#include <mutex>

/// @file
/// Locks that Clang checks: what a mutex guards says so, and `-Wthread-safety` refuses code that
/// touches it without (Hutchins, Ballman and Sutherland, "C/C++ Thread Safety Analysis", 2014).
/// With other compilers the annotations are nothing.

#if defined(__clang__)
#define MODAL_THREAD_ATTRIBUTE(...) __attribute__((__VA_ARGS__))
#else
#define MODAL_THREAD_ATTRIBUTE(...)
#endif

/// A field that may be touched only while `which` is held.
#define MODAL_GUARDED_BY(which) MODAL_THREAD_ATTRIBUTE(guarded_by(which))
/// A function that is called with these held, and leaves them so.
#define MODAL_REQUIRES(...) MODAL_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
/// A function that takes these itself, and so must not be called with them held.
#define MODAL_EXCLUDES(...) MODAL_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define MODAL_ACQUIRE(...) MODAL_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define MODAL_RELEASE(...) MODAL_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))

namespace modal::detail {

/// `std::mutex`, checked.
class MODAL_THREAD_ATTRIBUTE(capability("mutex")) mutex {
 public:
  void lock() MODAL_ACQUIRE() { held_.lock(); }
  void unlock() MODAL_RELEASE() { held_.unlock(); }

 private:
  friend class mutex_lock;
  std::mutex held_;
};

/// Holds a mutex while it lives, save between `unlock` and `lock`.
class MODAL_THREAD_ATTRIBUTE(scoped_lockable) mutex_lock {
 public:
  explicit mutex_lock(mutex& which) MODAL_ACQUIRE(which) : lock_(which.held_) {}
  ~mutex_lock() MODAL_RELEASE() {}
  mutex_lock(const mutex_lock&) = delete;
  mutex_lock& operator=(const mutex_lock&) = delete;

  void lock() MODAL_ACQUIRE() { lock_.lock(); }
  void unlock() MODAL_RELEASE() { lock_.unlock(); }

 private:
  friend class condition_variable;
  std::unique_lock<std::mutex> lock_;
};

/// Where threads wait for what others do with a mutex held. They look at it in a loop of their own,
/// for the analysis does not see into predicates.
class condition_variable {
 public:
  void wait(mutex_lock& held) { self_.wait(held.lock_); }
  /// Returns false when `until` has come.
  bool wait_until(mutex_lock& held, time_point until) {
    return self_.wait_until(held.lock_, until) == std::cv_status::no_timeout;
  }
  void notify_one() noexcept { self_.notify_one(); }
  void notify_all() noexcept { self_.notify_all(); }

 private:
  std::condition_variable self_;
};

}  // namespace modal::detail
