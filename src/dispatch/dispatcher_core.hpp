// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/function/worker_seat.hpp>

#include "dispatch/dispatcher.hpp"
#include "schedule/schedule.hpp"
#include "worker/parker.hpp"
#include "worker/stop_runner.hpp"
#include "worker/thread_pool.hpp"

#include <boost/intrusive/list.hpp>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

namespace modal::detail {

/// A function and its books.
struct served_function {
  served_function(const function_descriptor& served, const dispatcher_config& config,
                  std::size_t functions);

  const function_descriptor* descriptor;
  const function_signature* signature;
  std::size_t max_queue;

  // Guarded by the core's mutex.
  lane line;
  std::size_t waiting = 0;  ///< tickets, queued calls, and calls that wait to be repeated
  function_metrics metrics;
};

/// The state behind `dispatcher`. Methods named `…_locked` need `mutex`; the others take it, and
/// call out only after giving it back.
class dispatcher_core : public std::enable_shared_from_this<dispatcher_core> {
 public:
  dispatcher_core(const catalog& served_functions, dispatcher_config settings);

  /// Returns why a call is refused whatever else is under way; needs no lock.
  [[nodiscard]] std::optional<error> mismatch(const call_head& head, encoding how,
                                              std::optional<std::size_t> body_size,
                                              const served_function* target) const;
  [[nodiscard]] std::optional<error> refusal_locked(const call_head& head, std::size_t charged_now,
                                                    const served_function& target,
                                                    time_point now) const;
  [[nodiscard]] std::optional<error> refusal(const call_head& head, encoding how,
                                             std::optional<std::size_t> body_size) const;
  [[nodiscard]] time_point deadline_of(const call_head& head, const served_function& target,
                                       time_point now) const;
  [[nodiscard]] std::size_t body_limit(encoding how) const noexcept;

  served_function* find(std::string_view name);
  [[nodiscard]] const served_function* find(std::string_view name) const;

  result<ticket> admit(call_head head, encoding how, std::optional<std::size_t> body_size,
                       body_state body, principal_ptr caller);
  result<bool> request_memory(call& held, std::size_t total, std::function<void()> resume);
  void withdraw(call& admitted, errc why) noexcept;
  call_ptr submit(call_ptr admitted, buffer body, std::shared_ptr<call_sink> sink);
  void cancel(call& which);
  bool run_here(call& which);
  time_point expire();
  void stop_remaining();

  void work();        ///< the loop of a worker
  void keep_house();  ///< the loop of the housekeeper

  dispatcher_config config;
  catalog functions;

  mutable std::mutex mutex;  // guards all below, and the fields of calls that say so
  std::map<std::string_view, served_function> served;
  std::deque<parker> parkers;   ///< one for each worker that has started
  std::vector<parker*> parked;  ///< the last one to park is the first to be woken: it is warm
  std::condition_variable quiet;
  std::condition_variable house_call;
  boost::intrusive::list<call,
                         boost::intrusive::member_hook<call, boost::intrusive::list_member_hook<>,
                                                       &call::flight_hook>>
      flight;  ///< submitted and not over; each holds one reference
  schedule plan;
  std::size_t waiting = 0;
  std::size_t running = 0;
  memory_budget memory;
  std::size_t away = 0;    ///< of those that run: they wait for calls of their own
  std::size_t spares = 0;  ///< threads beyond `config.threads`
  std::uint64_t unknown_functions = 0;
  std::uint64_t admitted = 0;
  std::uint64_t refused = 0;
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;
  time_point house_sleeps_until = never;
  std::vector<std::stop_source> stops;  ///< for whoever calls `expire`, where no thread keeps house
  bool started = false;
  bool draining = false;
  bool hurried = false;
  bool closed = false;    ///< nothing is queued any more; workers go home
  bool finished = false;  ///< the housekeeper goes home

  // Without the mutex: each is told by those who are done with a call, and costs them no lock.
  std::atomic<std::size_t> undelivered{0};  ///< tickets, and calls whose sink has not heard yet
  std::atomic<std::size_t> busy{0};         ///< workers that run calls, or answer them
  std::atomic<bool> is_awaited{false};      ///< somebody waits for `undelivered` to become zero

  thread_pool workers;
  std::thread housekeeper;
  stop_runner stopper;

 private:
  struct verdict {
    call_ptr about;
    error failure;
    executor_report report;
    buffer body;  // given back before the sink hears
  };

  class seat;
  class result_memory;

  /// Whom to wake when the lock is given back.
  struct wake_up {
    parker* worker = nullptr;
    bool spare = false;
    bool house = false;
  };

  error make_refusal(errc what, std::string message, const call_head& head) const;
  [[nodiscard]] std::chrono::milliseconds retry_after_locked() const;
  void enqueue_locked(call& which, time_point now, wake_up& wake);
  void pick_worker_locked(wake_up& wake);
  void set_due_locked(call& which, wake_up& wake);
  void carry_out(const wake_up& wake);
  void wake_all();
  bool claim_locked(call& which);
  void retire_locked(call& which);
  void release_locked(memory_share& share);
  verdict end_locked(call& which, errc what, std::string message);
  void deliver(verdict& ended) noexcept;
  void note_delivered() noexcept;
  void stop_function(std::stop_source which);
  call_ptr next_locked(time_point now);
  void begin_run_locked(call& which, time_point now);
  call_ptr run(const call_ptr& which, bool takes_next);
  bool retry_locked(call& which, error& failure, time_point now, wake_up& wake);
};

/// Runs the function of `which` on this thread, and turns whatever it throws into an error.
std::optional<error> run_function(call& which, const dispatcher_config& config);

}  // namespace modal::detail
