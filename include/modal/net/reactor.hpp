// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/clock.hpp>
#include <modal/base/mutex.hpp>
#include <modal/net/poll_guard.hpp>
#include <modal/net/stream.hpp>

#include <boost/intrusive/set.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

namespace modal::detail {

/// One thread that waits for many descriptors, times and posts, and tells their targets. A
/// descriptor is registered once (edge-triggered, for both directions) and then costs no system
/// call but the wait; so does a time. All methods but `post` are for the reactor's own thread.
class reactor {
 public:
  /// Whom the reactor tells. What a method throws is caught and given to `on_error`.
  class target : public std::enable_shared_from_this<target> {
   public:
    virtual ~target() = default;
    virtual void on_posted() = 0;
    /// A descriptor is ready for something, or broken: try until it would block.
    virtual void on_ready() = 0;
    virtual void on_time() = 0;
    virtual void on_error(const char* what) noexcept = 0;

   private:
    friend class reactor;
    time_point due_ = never;
    boost::intrusive::set_member_hook<> hook_;  // among those with a time
  };

  /// @param on_idle_ready is told of events on descriptors that nobody watches any more.
  /// **Errors**: throws `std::system_error` where the system gives no thread or descriptor.
  explicit reactor(std::function<void(int)> on_idle_ready, polling how = polling::off);
  /// **Precondition**: stopped.
  ~reactor();
  reactor(const reactor&) = delete;
  reactor& operator=(const reactor&) = delete;

  /// Runs what was posted, ends the thread and joins it. Once. On the thread itself, which cannot
  /// wait for its own end, it only begins that: `owner`, which owns this, is kept until then, and
  /// nobody is told of idle descriptors any more. **Precondition**: no target is watched or
  /// scheduled.
  void stop(std::shared_ptr<void> owner) noexcept;
  [[nodiscard]] bool is_this_thread() const noexcept {
    return std::this_thread::get_id() == thread_.get_id();
  }

  /// Runs `on_posted` of `whom` on the reactor's thread; not at all where that has ended. From any
  /// thread. What happened before on any descriptor is told first.
  /// @param by until then it may wait for the next event, of whatever descriptor: nobody is woken
  /// for it.
  void post(std::shared_ptr<target> whom, time_point by = time_point::min());

  /// As `post`, where the thread is awake, and so will look by itself; else does nothing. Returns
  /// whether it did.
  bool post_if_awake(std::shared_ptr<target> whom);

  /// Tells `whom` of events on `descriptor`. @param is_watched whether it was watched before, and
  /// still is: set by this. @return whether something has happened since it was watched last, while
  /// nobody was told: whoever has not tried since does so now.
  bool watch(int descriptor, target& whom, bool& is_watched);
  /// `whom` is not told of `descriptor` from now on, which may be closed, or be another's by now.
  void unwatch(int descriptor, const target& whom) noexcept;

  /// Runs `on_time` of `whom` at `due`, instead of an earlier such time; `never` for not at all.
  void schedule(target& whom, time_point due) noexcept;

  [[nodiscard]] int epoll() const noexcept { return epoll_.native_handle(); }

 private:
  struct watched {
    target* whom = nullptr;
    std::uint32_t turn = 0;   ///< tells this use of the descriptor's number from earlier ones
    bool has_missed = false;  ///< an event, for nobody was there to be told
  };
  struct earlier {
    bool operator()(const target& a, const target& b) const noexcept { return a.due_ < b.due_; }
  };

  void run();
  int wait(time_point until);
  bool poll_once();
  void run_due();

  stream epoll_;
  stream wake_;  // an eventfd
  std::function<void(int)> on_idle_ready_;
  poll_guard guard_;
  std::vector<watched> watched_;  // by descriptor
  boost::intrusive::multiset<
      target,
      boost::intrusive::member_hook<target, boost::intrusive::set_member_hook<>, &target::hook_>,
      boost::intrusive::compare<earlier>>
      times_;

  detail::mutex mutex_;
  std::vector<std::shared_ptr<target>> posted_ MODAL_GUARDED_BY(mutex_);
  bool is_waiting_ MODAL_GUARDED_BY(mutex_) = false;  ///< it must be woken, save at that time
  time_point wakes_at_ MODAL_GUARDED_BY(mutex_) = never;
  bool is_ending_ MODAL_GUARDED_BY(mutex_) = false;
  bool is_over_ MODAL_GUARDED_BY(mutex_) = false;

  std::shared_ptr<void> owner_;  // the thread's, while it ends by itself
  std::thread thread_;
};

}  // namespace modal::detail
