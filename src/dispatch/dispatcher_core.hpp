// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/mutex.hpp>
#include <modal/function/worker_seat.hpp>

#include "dispatch/dispatcher.hpp"
#include "dispatch/recent_calls.hpp"
#include "dispatch/served_function.hpp"
#include "schedule/placement.hpp"
#include "schedule/schedule.hpp"
#include "worker/aside_runner.hpp"
#include "worker/parker.hpp"
#include "worker/thread_pool.hpp"

#include <boost/intrusive/list.hpp>

#include <atomic>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace modal::detail {

/// The state behind `dispatcher`. Methods named `…_locked` need `mutex`; the others take it, and
/// call out only after giving it back.
class dispatcher_core : public std::enable_shared_from_this<dispatcher_core> {
 public:
  dispatcher_core(const catalog& served_functions, dispatcher_config settings);

  void start();
  std::size_t stop(std::chrono::nanoseconds grace, std::chrono::nanoseconds patience);
  void drain();
  void hurry();

  [[nodiscard]] std::optional<error> refusal(const call_head& head, encoding how,
                                             std::optional<std::size_t> body_size) const;
  result<ticket> admit(call_head head, encoding how, std::optional<std::size_t> body_size,
                       body_state body, principal_ptr caller, served_function* known);
  result<bool> request_memory(call& held, std::size_t total, std::function<void()> resume);
  void withdraw(call& admitted, errc why) noexcept;
  std::unique_ptr<segment_memory> make_segment_memory(call& held);
  void end_aside(std::vector<std::shared_ptr<const void>> last) noexcept {
    aside.end(std::move(last));
  }
  call_ptr submit(call_ptr admitted, incoming_body body, std::shared_ptr<call_sink> sink,
                  submitter who);
  void cancel(call& which);
  void lose(call& which);
  bool run_here(call& which);
  time_point expire();

  [[nodiscard]] std::size_t body_limit(encoding how) const noexcept;
  [[nodiscard]] const catalog& functions() const noexcept { return functions_; }
  [[nodiscard]] const modal::limits& bounds() const noexcept { return config.bounds; }
  [[nodiscard]] dispatcher_snapshot snapshot() const;
  void look_at_devices(dispatcher_snapshot& now) const;
  [[nodiscard]] bool is_draining() const;

 private:
  struct verdict {
    call_ptr about;
    error failure;
    executor_report report;
    incoming_body body;                 // given back before the sink hears
    std::vector<call_ptr> followers{};  // that hear the same
  };

  /// What becomes of a call by its id: it runs, unless one of these is so.
  struct standing {
    bool is_duplicate = false;
    call_ptr first{};  ///< under way: its outcome is this one's too
    std::shared_ptr<const call_outcome> outcome{};
  };

  class seat;
  class result_memory;

  /// Whom to wake when the lock is given back.
  struct wake_up {
    parker* worker = nullptr;
    bool looker = false;
    bool spare = false;
    bool house = false;
    bool is_seen = false;  ///< this thread is a worker that will soon look for calls
  };

  void work();        ///< the loop of a worker
  void keep_house();  ///< the loop of the housekeeper
  bool stop_one();    ///< returns whether there was one
  void stop_remaining() noexcept;

  /// Returns why a call is refused whatever else is under way; needs no lock.
  [[nodiscard]] std::optional<error> mismatch(const call_head& head, encoding how,
                                              std::optional<std::size_t> body_size,
                                              const served_function* target) const;
  [[nodiscard]] std::optional<error> refusal_locked(const call_head& head, std::size_t charged_now,
                                                    const served_function& target,
                                                    time_point now) const MODAL_REQUIRES(mutex);
  [[nodiscard]] time_point deadline_of(const call_head& head, const served_function& target,
                                       time_point now) const;
  served_function* find(std::string_view name);
  [[nodiscard]] const served_function* find(std::string_view name) const;

  error make_refusal(errc what, std::string message, const call_head& head,
                     const served_function* target) const MODAL_REQUIRES(mutex);
  [[nodiscard]] std::chrono::milliseconds retry_after_locked(const served_function* target) const
      MODAL_REQUIRES(mutex);
  void enqueue_locked(call& which, time_point now, wake_up& wake) MODAL_REQUIRES(mutex);
  void begin_here_locked(call& which, time_point now, wake_up& wake) MODAL_REQUIRES(mutex);
  void pick_worker_locked(wake_up& wake) MODAL_REQUIRES(mutex);
  void set_due_locked(call& which, wake_up& wake) MODAL_REQUIRES(mutex);
  [[nodiscard]] time_point next_due_locked() const MODAL_REQUIRES(mutex);
  void carry_out(const wake_up& wake) MODAL_EXCLUDES(mutex);
  void wake_all() MODAL_EXCLUDES(mutex);
  bool claim_locked(call& which) MODAL_REQUIRES(mutex);
  void retire_locked(call& which) MODAL_REQUIRES(mutex);
  void release_locked(memory_share& share) MODAL_REQUIRES(mutex);
  void resume_locked() MODAL_REQUIRES(mutex);
  void count_locked(call& which, const error* failure) MODAL_REQUIRES(mutex);
  bool asks_again_locked(const call_head& head, time_point now) MODAL_REQUIRES(mutex);
  standing look_up_locked(call& which, time_point now) MODAL_REQUIRES(mutex);
  void follow_locked(call& which, call_ptr first, time_point now, wake_up& wake)
      MODAL_REQUIRES(mutex);
  void unfollow_locked(call& which, wake_up& wake) MODAL_REQUIRES(mutex);
  std::vector<call_ptr> take_followers_locked(call& which, const error* failure)
      MODAL_REQUIRES(mutex);
  void note_over_locked(call& which) noexcept MODAL_REQUIRES(mutex);
  void deliver_failure(const std::vector<call_ptr>& to, const error& failure,
                       const executor_report& report) noexcept MODAL_EXCLUDES(mutex);
  void deliver_outcome(call& to, const std::shared_ptr<const call_outcome>& outcome) noexcept
      MODAL_EXCLUDES(mutex);
  verdict end_locked(call& which, errc what, std::string_view message, wake_up& wake) noexcept
      MODAL_REQUIRES(mutex);
  void end_aside(repeatable_calls::kept_list dropped) noexcept MODAL_EXCLUDES(mutex);
  void deliver(verdict& ended) noexcept MODAL_EXCLUDES(mutex);
  void note_delivered() noexcept MODAL_EXCLUDES(mutex);
  void stop_function(std::stop_source which) MODAL_EXCLUDES(mutex);
  call_ptr next_locked(time_point now) MODAL_REQUIRES(mutex);
  void transition_locked(call& which, call::phase to) noexcept MODAL_REQUIRES(mutex);
  /// @param by 1, or -1 as it wraps around.
  void book_locked(served_function& target, call::phase at, std::size_t by) noexcept
      MODAL_REQUIRES(mutex);
  void start_locked(call& which, time_point now) MODAL_REQUIRES(mutex);
  bool place_early_locked(call& which) MODAL_REQUIRES(mutex);
  void end_coming_locked(call& which) noexcept MODAL_REQUIRES(mutex);
  void unplace_locked(call& which) noexcept MODAL_REQUIRES(mutex);
  void leave_early_place_locked(call& which) noexcept MODAL_REQUIRES(mutex);
  void take_device_locked(call& which) MODAL_REQUIRES(mutex);
  void leave_device_locked(call& which) noexcept MODAL_REQUIRES(mutex);
  /// @param by 1, or -1 as it wraps around.
  void book_device_locked(call& which, std::size_t by) noexcept MODAL_REQUIRES(mutex);
  bool notice_fault_locked(call& which) noexcept MODAL_REQUIRES(mutex);
  void log_fault(std::size_t device, const error& why) const noexcept;
  void find_blocked_locked() noexcept MODAL_REQUIRES(mutex);
  void park(call& which, bool keeps_lane) noexcept MODAL_EXCLUDES(mutex);
  void resume(call& which, bool keeps_lane) noexcept MODAL_EXCLUDES(mutex);
  [[nodiscard]] bool has_room_locked() const MODAL_REQUIRES(mutex);
  [[nodiscard]] bool has_work_locked() const MODAL_REQUIRES(mutex);
  bool runs_to_its_end(const call_ptr& which, std::optional<error>& failure) MODAL_EXCLUDES(mutex);
  [[nodiscard]] std::chrono::nanoseconds device_time(const call& which) const noexcept;
  bool suspend(const call_ptr& which, std::shared_ptr<gpu::event> mark) MODAL_EXCLUDES(mutex);
  void go_on_with(call_ptr which) noexcept MODAL_EXCLUDES(mutex);
  call_ptr run(const call_ptr& which, bool takes_next) MODAL_EXCLUDES(mutex);
  static std::shared_ptr<call_outcome> make_outcome(call& which,
                                                    const std::optional<error>& failure,
                                                    std::shared_ptr<const void> memory);
  void log_slow(const call& which, std::chrono::nanoseconds run_time) const noexcept;
  void log_end(const call& which, const std::optional<error>& failure,
               std::chrono::nanoseconds run_time) const noexcept;
  bool retry_locked(call& which, error& failure, time_point now, wake_up& wake)
      MODAL_REQUIRES(mutex);

  /// Of which this thread is a worker that runs no call, and will soon look for one.
  static thread_local const dispatcher_core* seeks_for;

  const dispatcher_config config;
  const catalog functions_;
  buffer_pool bodies;  ///< of their large segments
  /// Never changes; what its functions guard is guarded by `mutex`.
  std::map<std::string_view, served_function> served;

  mutable detail::mutex mutex;
  condition_variable quiet;
  condition_variable house_call;
  std::deque<parker> parkers MODAL_GUARDED_BY(mutex);  ///< one for each worker, spare ones too
  std::size_t parkers_taken MODAL_GUARDED_BY(mutex) = 0;
  /// The last one to park is the first to be woken: it is warm.
  std::vector<parker*> parked MODAL_GUARDED_BY(mutex);
  std::size_t looking MODAL_GUARDED_BY(mutex) = 0;  ///< workers, and nobody has told them to stop
  std::size_t called MODAL_GUARDED_BY(mutex) = 0;   ///< as many were told, and have not come yet
  using call_list = boost::intrusive::list<
      call, boost::intrusive::member_hook<call, boost::intrusive::list_member_hook<>,
                                          &call::flight_hook>>;
  /// Submitted and not over; each holds one reference.
  call_list flight MODAL_GUARDED_BY(mutex);
  schedule plan MODAL_GUARDED_BY(mutex);
  memory_budget memory MODAL_GUARDED_BY(mutex);
  recent_ids recent MODAL_GUARDED_BY(mutex);
  repeatable_calls repeats MODAL_GUARDED_BY(mutex);
  // Calls by their phases; only `transition_locked` counts.
  std::size_t waiting MODAL_GUARDED_BY(mutex) = 0;
  std::size_t running MODAL_GUARDED_BY(mutex) = 0;
  std::size_t parked_calls MODAL_GUARDED_BY(mutex) = 0;
  std::vector<device_place> places MODAL_GUARDED_BY(mutex);                ///< as `config.devices`
  std::vector<served_function*> device_functions MODAL_GUARDED_BY(mutex);  ///< that one can serve
  using resumed_list = boost::intrusive::list<
      call, boost::intrusive::member_hook<call, boost::intrusive::list_member_hook<>,
                                          &call::resumed_hook>>;
  /// Whose device is done with what they waited for; each holds one reference.
  resumed_list resumed MODAL_GUARDED_BY(mutex);
  std::size_t suspended MODAL_GUARDED_BY(mutex) = 0;  ///< calls that wait for their device
  std::size_t spares MODAL_GUARDED_BY(mutex) = 0;     ///< threads beyond `config.threads`
  std::uint64_t unknown_functions MODAL_GUARDED_BY(mutex) = 0;
  std::uint64_t admitted MODAL_GUARDED_BY(mutex) = 0;
  std::uint64_t refused MODAL_GUARDED_BY(mutex) = 0;
  std::uint64_t succeeded MODAL_GUARDED_BY(mutex) = 0;
  std::uint64_t failed MODAL_GUARDED_BY(mutex) = 0;
  time_point house_sleeps_until MODAL_GUARDED_BY(mutex) = never;
  /// For whoever calls `expire`, where no thread keeps house.
  std::vector<std::stop_source> stops MODAL_GUARDED_BY(mutex);
  bool started MODAL_GUARDED_BY(mutex) = false;
  bool draining MODAL_GUARDED_BY(mutex) = false;
  bool hurried MODAL_GUARDED_BY(mutex) = false;
  bool closed MODAL_GUARDED_BY(mutex) = false;    ///< nothing is queued any more; workers go home
  bool finished MODAL_GUARDED_BY(mutex) = false;  ///< the housekeeper goes home

  // Without the mutex: each is told by those who are done with a call, and costs them no lock.
  std::atomic<std::size_t> undelivered{0};  ///< tickets, and calls whose sink has not heard yet
  std::atomic<std::size_t> busy{0};         ///< workers that run calls, or answer them
  std::atomic<bool> is_awaited{false};      ///< somebody waits for `undelivered` to become zero

  thread_pool workers;
  std::thread housekeeper;
  aside_runner aside;
};

}  // namespace modal::detail
