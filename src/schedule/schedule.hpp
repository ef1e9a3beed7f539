// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/clock.hpp>

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>

#include <cstddef>

/// @file
/// Which call runs next, and when something is due: a value, without lock, clock or thread. Whoever
/// owns it says what happened and what time it is.

namespace modal::detail {

class lane;

/// A call, as the schedule sees it: the base of the real one.
struct scheduled {
  lane* line = nullptr;
  time_point due = never;    ///< when to look at it; see `schedule::set_due`
  time_point queued_at{};    ///< of its present turn in the queue
  duration expected_run{0};  ///< what was expected when it was queued
  duration charged{0};       ///< what its lane was charged when it began to run
  /// While this is true it may not begin, nor what is behind it in its lane; null: it may. See
  /// `schedule::look_again`.
  const bool* gate = nullptr;
  boost::intrusive::list_member_hook<> queue_hook;
  boost::intrusive::set_member_hook<> due_hook;

  [[nodiscard]] bool is_queued() const noexcept { return queue_hook.is_linked(); }
};

/// The queue of one function. Lives longer than its calls.
class lane {
 public:
  /// @param most_running calls at a time; at least 1.
  explicit lane(std::size_t most_running) : most_running_(most_running) {}

  [[nodiscard]] std::size_t queued() const noexcept { return queue_.size(); }
  /// Returns how many run, those that wait for calls of their own among them.
  [[nodiscard]] std::size_t running() const noexcept { return running_; }
  /// Returns how many more calls may run now.
  [[nodiscard]] std::size_t room() const noexcept {
    const std::size_t present = running_ - away_;
    return present < most_running_ ? most_running_ - present : 0;
  }
  /// Returns how long a run takes, by those that were; zero before the first.
  [[nodiscard]] duration expected_run() const noexcept { return expected_run_; }
  /// Returns the run time that its queue is expected to take.
  [[nodiscard]] duration expected_work() const noexcept { return expected_work_; }

 private:
  friend class schedule;

  const std::size_t most_running_;
  std::size_t running_ = 0;
  std::size_t away_ = 0;  ///< of those that run: they have left their place to others
  duration used_{0};      ///< run time that counts against it, on the common scale of all lanes
  duration expected_run_{0};
  duration expected_work_{0};
  boost::intrusive::list<
      scheduled, boost::intrusive::member_hook<scheduled, boost::intrusive::list_member_hook<>,
                                               &scheduled::queue_hook>>
      queue_;
  boost::intrusive::set_member_hook<> ready_hook_;
};

/// Start-time fair queueing by run time (Goyal, Vin and Cheng, 1996): of the functions that have
/// calls waiting and may run one more, the one that used the least time is next; a function that
/// had nothing to run gains no credit. Within a function, calls run in the order of their coming.
/// **Complexity**: logarithmic in the functions that wait, or in the calls, whatever is done.
class schedule {
 public:
  /// Appends `which` to its lane.
  void enqueue(scheduled& which, time_point now);
  /// Takes `which` out of its lane, if it is queued there.
  void withdraw(scheduled& which) noexcept;

  /// Takes the call that is to run now, and counts it as running; null where none may. Calls that
  /// are due by now are not begun: they leave their lane, and wait for `take_due`.
  scheduled* take_next(time_point now) noexcept;
  /// Takes this very call, whether its turn has come or not. **Precondition**: it is queued.
  void take(scheduled& which) noexcept;
  /// Lets one more call of the lane run while `which`, which runs, waits for a call of its own.
  void leave(scheduled& which) noexcept;
  /// Takes note that it goes on: for a while, more may run than the lane allows.
  void come_back(scheduled& which) noexcept;
  /// Takes note that gates of calls in a lane may have changed.
  void look_again(lane& line) noexcept { refresh(line); }
  /// Takes note that a running call ended, or is to be queued again, after `run_time`.
  void note_end(scheduled& which, duration run_time) noexcept;

  /// Returns the calls in all lanes.
  [[nodiscard]] std::size_t queued() const noexcept { return queued_; }
  /// Returns whether a call is queued that may run.
  [[nodiscard]] bool has_next() const noexcept { return !ready_.empty(); }

  /// Says when to look at `which` again, instead of what was said before; `never` for not at all.
  void set_due(scheduled& which, time_point due) noexcept;
  /// Takes a call whose time has come, whose due is `never` then; null where there is none.
  scheduled* take_due(time_point now) noexcept;
  [[nodiscard]] time_point next_due() const noexcept {
    return times_.empty() ? never : times_.begin()->due;
  }

 private:
  struct by_due {
    bool operator()(const scheduled& a, const scheduled& b) const noexcept { return a.due < b.due; }
  };
  struct by_used {
    bool operator()(const lane& a, const lane& b) const noexcept { return a.used_ < b.used_; }
  };
  void refresh(lane& line) noexcept;
  void leave_queue(scheduled& which) noexcept;
  void begin_run(scheduled& which) noexcept;

  std::size_t queued_ = 0;
  duration reached_{0};  ///< the time that the last lane to be served had used
  boost::intrusive::multiset<
      lane,
      boost::intrusive::member_hook<lane, boost::intrusive::set_member_hook<>, &lane::ready_hook_>,
      boost::intrusive::compare<by_used>>
      ready_;
  boost::intrusive::multiset<
      scheduled,
      boost::intrusive::member_hook<scheduled, boost::intrusive::set_member_hook<>,
                                    &scheduled::due_hook>,
      boost::intrusive::compare<by_due>>
      times_;
};

}  // namespace modal::detail
