// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "executor/dispatcher.hpp"
#include "worker/parker.hpp"
#include "worker/thread_pool.hpp"

#include <boost/intrusive/list.hpp>

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
  const function_descriptor* descriptor = nullptr;
  const function_signature* signature = nullptr;
  std::size_t max_queue = 0;

  // Guarded by the core's mutex.
  std::size_t waiting = 0;
  std::size_t running = 0;
  std::chrono::nanoseconds expected_run{0};
  function_metrics metrics;
};

/// The state behind `dispatcher`. Methods named `…_locked` need `mutex`; the others take it, and
/// call out only after giving it back.
class dispatcher_core {
 public:
  dispatcher_core(const catalog& served_functions, dispatcher_config settings);

  std::optional<error> refusal_locked(const call_head& head, encoding how,
                                      std::optional<std::size_t> body_size,
                                      const served_function* target, time_point now) const;
  [[nodiscard]] time_point deadline_of(const call_head& head, const served_function& target,
                                       time_point now) const;
  [[nodiscard]] std::size_t body_limit(encoding how) const noexcept;

  served_function* find(std::string_view name);
  [[nodiscard]] const served_function* find(std::string_view name) const;

  result<ticket> admit(call_head head, encoding how, std::optional<std::size_t> body_size);
  result<void> reserve(call& held, std::size_t total);
  void withdraw(call& admitted) noexcept;
  call_ptr submit(call_ptr admitted, buffer body, std::shared_ptr<call_sink> sink);
  void cancel(call& which);
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
  boost::intrusive::list<call, boost::intrusive::member_hook<
                                   call, boost::intrusive::list_member_hook<>, &call::queue_hook>>
      queue;
  std::size_t unanswered = 0;  ///< tickets, and submitted calls without an answer
  std::size_t waiting = 0;
  std::size_t running = 0;
  std::size_t bytes_in_flight = 0;
  std::chrono::nanoseconds queued_work{0};  ///< expected, of all in `queue`
  std::uint64_t unknown_functions = 0;
  std::uint64_t admitted = 0;
  std::uint64_t refused = 0;
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;
  time_point next_look = never;
  bool look_now = false;
  bool draining = false;
  bool hurried = false;
  bool closed = false;    ///< nothing is queued any more; workers go home
  bool finished = false;  ///< the housekeeper goes home

  thread_pool workers;
  std::thread housekeeper;

 private:
  struct verdict {
    call_ptr about;
    error failure;
    executor_report report;
    buffer body;  // given back before the sink hears
  };

  error make_refusal(errc what, std::string message, const call_head& head) const;
  [[nodiscard]] std::chrono::milliseconds retry_after_locked() const;
  void enqueue_locked(call& which, time_point now);
  parker* pick_parked_locked();
  void wake_all();
  void leave_queue_locked(call& which);
  bool claim_locked(call& which);
  void retire_locked(call& which);
  verdict end_locked(call& which, errc what, std::string message);
  static void deliver(verdict& ended);
  void run(call& which, time_point started);
  bool retry_locked(call& which, const error& failure, time_point now);
};

/// Runs the function of `which` on this thread, and turns whatever it throws into an error.
std::optional<error> invoke(call& which, std::stop_token stop, const dispatcher_config& config);

}  // namespace modal::detail
