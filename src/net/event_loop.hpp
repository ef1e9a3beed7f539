// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/clock.hpp>
#include <modal/base/mutex.hpp>
#include <modal/net/poll_guard.hpp>
#include <modal/net/stream.hpp>

#include <boost/intrusive/set.hpp>

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

struct epoll_event;

namespace modal::detail {

/// Waits for many descriptors, times and words from other threads, and tells their targets. Any
/// number of threads may run it at once: the kernel gives each event to one of those that wait, the
/// one that came last before all (it is warm). A descriptor is registered once, edge-triggered (see
/// epoll(7)), and then costs no system call but the wait. Safe to share, save where a method says
/// otherwise.
///
/// Two kinds of threads run it: those that have better to do (workers: `look`), and those that see
/// to it that somebody waits while the former are away (`keep`, or a host's: `run_ready`).
///
/// Where they poll, one at a time does, after something has come: it looks, and does not sleep. The
/// kernel would wake one that sleeps for whatever comes, though the other one has it already; so
/// those sleep at a *gate*, which is closed meanwhile (ADR 0036).
class event_loop {
 public:
  class target;

  /// What has happened to a target: a set of bits. The lower ones are the loop's.
  using events = std::uint32_t;
  static constexpr events readable = 1U << 0;   ///< try to read, until it would block
  static constexpr events writable = 1U << 1;   ///< try to write, until it would block
  static constexpr events ended = 1U << 2;      ///< the peer sends no more, behind what is to read
  static constexpr events urgent = 1U << 3;     ///< reads may be cut short: see MSG_OOB in recv(2)
  static constexpr events late = 1U << 4;       ///< the time of `schedule` has come
  static constexpr events first_own = 1U << 5;  ///< this bit and those above it are the target's

 private:
  struct slot {
    detail::mutex mutex;
    std::shared_ptr<target> whom MODAL_GUARDED_BY(mutex);
  };

 public:
  class target : public std::enable_shared_from_this<target> {
   public:
    virtual ~target() = default;

   protected:
    /// Something has happened. On one thread at a time, which may be any that runs the loop, or
    /// that calls `raise`; what happens meanwhile is told when this has returned.
    virtual void on_events(events what) noexcept = 0;

    /// Whether it has much to do, again and again: then others that have something to do at the
    /// same time come first. Any thread.
    void set_heavy(bool is_heavy) noexcept { is_heavy_.store(is_heavy, std::memory_order_relaxed); }

   private:
    friend class event_loop;
    std::atomic<events> state_{0};
    std::atomic<bool> is_heavy_{false};
    slot* slot_ = nullptr;  // while its descriptor is watched; for who is being told

    // Guarded by the loop's mutex.
    time_point due_ = never;
    boost::intrusive::set_member_hook<> hook_;  // among those with a time
    std::shared_ptr<target> next_told_;
    events told_ = 0;
  };

  /// **Errors**: throws `std::system_error` where the system gives no descriptors.
  explicit event_loop(polling how = polling::off);
  ~event_loop();
  event_loop(const event_loop&) = delete;
  event_loop& operator=(const event_loop&) = delete;

  /// Tells `whom`, and owns it, whenever `descriptor` is ready for something or broken. For the
  /// thread that is telling `whom`. **Errors**: throws `std::system_error`, `std::bad_alloc`.
  void watch(int descriptor, target& whom);
  /// Ends that, before `descriptor` is closed. For the thread that is telling `whom`.
  void unwatch(int descriptor, target& whom) noexcept;

  /// Tells `whom` that it is `late` at `due`, instead of at an earlier such time; `never`: not at
  /// all. It must call this with `never` before it ends.
  void schedule(target& whom, time_point due) noexcept;

  /// Tells `whom` something, at least one bit, on a thread that runs the loop, after what waits
  /// there already. From any thread, whatever it holds.
  void tell(std::shared_ptr<target> whom, events what) noexcept;

  /// Tells `whom` on this thread; where another one is telling it something, on that. What comes
  /// again and again is told later. The caller owns `whom` meanwhile.
  void raise(target& whom, events what) noexcept;

  // For those that have better to do.

  /// Waits for something to happen and carries it out, or returns because of `wake`. Where nobody
  /// else waits when it returns, nobody does before the next `look` or `hand_over`.
  void look() noexcept;
  /// Lets one `look` return that is under way, or else the next one. From any thread, whatever it
  /// holds.
  void wake() noexcept;
  /// This thread will be away: sees to it that somebody waits.
  void hand_over() noexcept;

  // For those that see to it that somebody waits.

  /// Runs the loop whenever nobody looks, until `end`. By any number of threads.
  void keep() noexcept;
  /// Lets each `keep` return, now or as soon as it is called.
  void end() noexcept;
  /// Forgets what was told and nobody has carried out. Once nobody runs it any more.
  void forget() noexcept;
  /// Carries out what is ready, and does not wait. Another loop may wait for `native_handle`.
  void run_ready() noexcept;
  /// While this is held by another loop's threads, `keep` does nothing.
  void lend(bool is_lent) noexcept;
  /// Is readable when there is something to do.
  [[nodiscard]] int native_handle() const noexcept { return epoll_.native_handle(); }

 private:
  struct earlier {
    bool operator()(const target& a, const target& b) const noexcept { return a.due_ < b.due_; }
  };
  static constexpr events busy = 1U << 31;  // of a target: a thread is telling it

  enum class waiter : std::uint8_t { looker, keeper, host };

  void pass(waiter who) noexcept;
  [[nodiscard]] int wait(epoll_event* found) noexcept;
  [[nodiscard]] int poll_once(epoll_event* found) noexcept;
  void set_gate(bool is_open) noexcept;
  void run_told() noexcept;
  void run_due() noexcept;
  void set_timer_locked() noexcept MODAL_REQUIRES(mutex_);
  void ring() noexcept;
  [[nodiscard]] bool take_wake() noexcept;
  [[nodiscard]] bool may_keep() const noexcept;

  stream epoll_;
  stream gate_;   // an epoll of `epoll_`, where they poll
  stream bell_;   // an eventfd
  stream timer_;  // a timerfd
  stream over_;   // an eventfd

  poll_guard guard_;                     ///< of whoever polls
  std::atomic<bool> is_polled_{false};   ///< somebody does
  std::atomic<bool> has_worked_{false};  ///< something has come since somebody last did
  std::atomic<std::size_t> asleep_{0};   ///< threads at the gate, or about to be

  std::atomic<std::size_t> lookers_{0};  ///< threads in `look` that wait, or are about to
  std::atomic<std::size_t> wakes_{0};    ///< of which no `look` has returned yet
  std::atomic<std::size_t> parked_{0};   ///< threads in `keep` that do not wait for events
  std::atomic<bool> is_lent_{false};
  std::atomic<bool> is_ending_{false};

  detail::mutex mutex_;
  condition_variable may_keep_;
  std::deque<slot> slots_ MODAL_GUARDED_BY(mutex_);  ///< never shrinks: events refer to them
  std::vector<slot*> free_slots_ MODAL_GUARDED_BY(mutex_);
  std::shared_ptr<target> first_told_ MODAL_GUARDED_BY(mutex_);
  target* last_told_ MODAL_GUARDED_BY(mutex_) = nullptr;
  std::size_t told_count_ MODAL_GUARDED_BY(mutex_) = 0;
  boost::intrusive::multiset<
      target,
      boost::intrusive::member_hook<target, boost::intrusive::set_member_hook<>, &target::hook_>,
      boost::intrusive::compare<earlier>>
      times_ MODAL_GUARDED_BY(mutex_);
  time_point timer_at_ MODAL_GUARDED_BY(mutex_) = never;
};

}  // namespace modal::detail
