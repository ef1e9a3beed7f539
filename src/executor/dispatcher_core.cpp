// SPDX-License-Identifier: Apache-2.0
#include "executor/dispatcher_core.hpp"

#include <algorithm>
#include <random>
#include <utility>

namespace modal::detail {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// Full jitter: any wait up to the bound is as likely as any other, so that calls that failed
// together do not come back together.
nanoseconds retry_wait(const function_options& options, int retry) {
  const nanoseconds longest = std::chrono::minutes{1};
  nanoseconds bound = options.retry_delay;
  for (int i = 0; i < retry && bound < longest; ++i) bound *= 2;
  bound = std::min(bound, longest);
  thread_local std::minstd_rand generate{std::random_device{}()};
  return nanoseconds{std::uniform_int_distribution<nanoseconds::rep>{0, bound.count()}(generate)};
}

}  // namespace

dispatcher_core::dispatcher_core(const catalog& served_functions, dispatcher_config settings)
    : config(std::move(settings)), functions(served_functions) {
  for (const auto& [name, descriptor] : functions) {
    served_function& entry = served[name];
    entry.descriptor = &descriptor;
    entry.signature = &descriptor.signature();
    entry.max_queue = descriptor.options.max_queue != 0 ? descriptor.options.max_queue
                                                        : config.bounds.queue_length;
  }
}

served_function* dispatcher_core::find(std::string_view name) {
  const auto found = served.find(name);
  return found != served.end() ? &found->second : nullptr;
}

const served_function* dispatcher_core::find(std::string_view name) const {
  const auto found = served.find(name);
  return found != served.end() ? &found->second : nullptr;
}

void dispatcher_core::enqueue_locked(call& which, time_point now) {
  which.at = call::phase::queued;
  which.queued_at = now;
  which.expected_run = which.target->expected_run;
  queued_work += which.expected_run;
  queue.push_back(which);
}

// Returns a worker to wake for a call that was just queued, or null where all are busy: they look
// at the queue before they park.
parker* dispatcher_core::pick_parked_locked() {
  if (parked.empty()) return nullptr;
  parker* const picked = parked.back();
  parked.pop_back();
  return picked;
}

void dispatcher_core::wake_all() {
  std::vector<parker*> all;
  {
    const std::scoped_lock lock(mutex);
    all.swap(parked);
  }
  for (parker* each : all) each->unpark();
}

void dispatcher_core::leave_queue_locked(call& which) {
  if (!which.queue_hook.is_linked()) return;
  queue.erase(queue.iterator_to(which));
  queued_work -= which.expected_run;
}

bool dispatcher_core::claim_locked(call& which) {
  if (which.answered) return false;
  which.answered = true;
  if (--unanswered == 0) quiet.notify_all();
  return true;
}

// Takes a call off all books. The list's reference goes with it: the caller holds another.
void dispatcher_core::retire_locked(call& which) {
  if (which.at == call::phase::over) return;
  if (which.at == call::phase::running) {
    --running;
    --which.target->running;
  } else {
    --waiting;
    --which.target->waiting;
  }
  leave_queue_locked(which);
  bytes_in_flight -= std::exchange(which.reserved_bytes, 0);
  which.at = call::phase::over;
  which.stop = std::stop_source{std::nostopstate};
  if (which.flight_hook.is_linked()) {
    flight.erase(flight.iterator_to(which));
    intrusive_ptr_release(&which);
  }
}

dispatcher_core::verdict dispatcher_core::end_locked(call& which, errc what, std::string message) {
  verdict ended{call_ptr(&which), error(what, std::move(message)), {}, {}};
  ended.failure.details().function = which.target->descriptor->name;
  ended.failure.details().call_id = which.head.id.to_string();
  if (to_condition(what) == condition::retry_later)
    ended.failure.details().retry_after = retry_after_locked();
  ended.report.queue = which.queue_time;
  ended.report.attempts = std::max(which.attempt, 1);
  claim_locked(which);
  ++failed;
  which.target->metrics.count(what);
  if (which.at == call::phase::running) {
    which.stop_wanted = true;
  } else {
    if (which.at == call::phase::queued) ended.report.queue += config.time->now() - which.queued_at;
    ended.body = std::move(which.body);
    retire_locked(which);
  }
  return ended;
}

void dispatcher_core::deliver(verdict& ended) {
  { const buffer given_back = std::move(ended.body); }
  const std::shared_ptr<call_sink> sink = std::move(ended.about->sink);
  sink->on_answer({.about = *ended.about, .failure = &ended.failure, .report = ended.report});
}

call_ptr dispatcher_core::submit(call_ptr which, buffer body, std::shared_ptr<call_sink> sink) {
  const time_point now = config.time->now();
  which->body = std::move(body);
  which->sink = std::move(sink);
  std::optional<verdict> ended;
  bool wake_house = false;
  parker* worker = nullptr;
  {
    const std::scoped_lock lock(mutex);
    which->target->metrics.bytes_in += which->body.size();
    if (closed) {
      ended = end_locked(*which, errc::draining, "the executor stopped before the call could run");
    } else if (which->deadline <= now) {
      ended = end_locked(*which, errc::deadline_exceeded,
                         "the deadline passed while the call's body was read");
    } else {
      intrusive_ptr_add_ref(which.get());
      flight.push_back(*which);
      enqueue_locked(*which, now);
      worker = pick_parked_locked();
      if (which->deadline < next_look) {
        next_look = which->deadline;
        wake_house = true;
      }
    }
  }
  if (ended) {
    deliver(*ended);
  } else {
    if (worker != nullptr) worker->unpark();
    if (wake_house) house_call.notify_one();
  }
  return which;
}

void dispatcher_core::cancel(call& which) {
  std::optional<verdict> ended;
  {
    const std::scoped_lock lock(mutex);
    if (which.answered) return;
    ended = end_locked(which, errc::cancelled, "cancelled by the caller");
    // Stop callbacks are user code and may run long: the housekeeper runs them, not this thread,
    // which may be one that serves all connections.
    if (which.stop_wanted) look_now = true;
  }
  house_call.notify_one();
  deliver(*ended);
}

time_point dispatcher_core::expire() {
  std::vector<verdict> ended;
  std::vector<std::stop_source> stops;
  time_point next = never;
  bool woke = false;
  {
    const std::scoped_lock lock(mutex);
    const time_point now = config.time->now();
    look_now = false;
    for (auto it = flight.begin(); it != flight.end();) {
      call& each = *it++;  // moved on first: ending a call takes it off the list
      const call_ptr keep(&each);
      if (!each.answered && each.deadline <= now)
        ended.push_back(end_locked(each, errc::deadline_exceeded,
                                   each.at == call::phase::running
                                       ? "the function was still running at the deadline"
                                       : "no worker was free before the deadline"));
      if (each.at == call::phase::running && std::exchange(each.stop_wanted, false))
        stops.push_back(each.stop);
      if (each.at == call::phase::delayed && each.not_before <= now) {
        enqueue_locked(each, now);
        woke = true;
      }
      if (!each.answered) next = std::min(next, each.deadline);
      if (each.at == call::phase::delayed) next = std::min(next, each.not_before);
    }
    next_look = next;
  }
  if (woke) wake_all();
  for (auto& each : ended) deliver(each);
  for (auto& each : stops) each.request_stop();
  return next;
}

void dispatcher_core::stop_remaining() {
  std::vector<verdict> ended;
  std::vector<std::stop_source> stops;
  {
    const std::scoped_lock lock(mutex);
    closed = true;
    for (auto it = flight.begin(); it != flight.end();) {
      call& each = *it++;
      const call_ptr keep(&each);
      if (!each.answered) {
        const bool ran = each.at == call::phase::running;
        ended.push_back(end_locked(each, ran ? errc::cancelled : errc::draining,
                                   ran ? "the executor stopped, and its grace period is over"
                                       : "the executor stopped before the call could run"));
      }
      if (each.at == call::phase::running) stops.push_back(each.stop);
    }
  }
  wake_all();
  for (auto& each : ended) deliver(each);
  for (auto& each : stops) each.request_stop();
}

bool dispatcher_core::retry_locked(call& which, const error& failure, time_point now) {
  const function_options& options = which.target->descriptor->options;
  if (failure != errc::function_failed || which.answered || closed) return false;
  if (which.attempt > options.retries || which.stop.stop_requested()) return false;
  const time_point again = saturating_add(now, retry_wait(options, which.attempt - 1));
  if (again >= which.deadline) return false;  // the failure says more than a deadline would
  ++which.target->metrics.retried;
  --running;
  --which.target->running;
  ++waiting;
  ++which.target->waiting;
  which.stop = std::stop_source{std::nostopstate};
  if (again <= now) {
    enqueue_locked(which, now);  // this worker looks at the queue next
  } else {
    which.at = call::phase::delayed;
    which.not_before = again;
    if (again < next_look) {
      next_look = again;
      house_call.notify_one();
    }
  }
  return true;
}

void dispatcher_core::run(call& which, time_point started) {
  served_function& target = *which.target;
  std::optional<error> failure = invoke(which, which.stop.get_token(), config);
  const time_point ended = config.time->now();

  buffer body;
  bool mine = false;
  call_answer answer{.about = which, .report = {}};
  {
    const std::scoped_lock lock(mutex);
    const nanoseconds run_time = ended - started;
    target.expected_run =
        target.expected_run == nanoseconds{0} ? run_time : (target.expected_run * 7 + run_time) / 8;
    target.metrics.run.add(run_time);
    if (failure && retry_locked(which, *failure, ended)) {
      which.work = invocation{};
      return;
    }
    answer.report = {.queue = which.queue_time,
                     .decode = which.work.decode_time,
                     .run = which.work.run_time,
                     .encode = which.work.encode_time,
                     .attempts = which.attempt};
    body = std::move(which.body);
    mine = claim_locked(which);
    retire_locked(which);
    if (mine && failure) {
      ++failed;
      target.metrics.count(failure->value());
    } else if (mine) {
      ++succeeded;
      target.metrics.count_success();
      target.metrics.bytes_out +=
          which.encoding == encoding::json ? which.work.json.size() : which.work.result.wire_size();
    }
  }
  if (!mine) return;  // answered before: cancelled, or too late
  { const buffer given_back = std::move(body); }
  if (failure) {
    failure->details().function = target.descriptor->name;
    failure->details().call_id = which.head.id.to_string();
    answer.failure = &*failure;
  } else if (which.encoding == encoding::json) {
    answer.json = &which.work.json;
  } else {
    answer.binary = &which.work.result;
  }
  if (config.log_calls && config.log)
    config.log({.level = log_level::debug,
                .time = std::chrono::system_clock::now(),
                .message = failure ? to_string(failure->value()) : "done",
                .function = target.descriptor->name,
                .call = which.head.id,
                .fields = {{"run_us", std::to_string((ended - started).count() / 1000)},
                           {"attempt", std::to_string(which.attempt)}}});
  const std::shared_ptr<call_sink> sink = std::move(which.sink);
  sink->on_answer(answer);
}

void dispatcher_core::work() {
  std::unique_lock lock(mutex);
  parker& bed = parkers.emplace_back();
  for (;;) {
    while (queue.empty()) {
      if (closed) return;
      parked.push_back(&bed);
      lock.unlock();
      bed.park();
      lock.lock();
    }
    const call_ptr next(&queue.front());
    leave_queue_locked(*next);
    const time_point now = config.time->now();
    if (next->deadline <= now) {
      verdict ended =
          end_locked(*next, errc::deadline_exceeded, "no worker was free before the deadline");
      lock.unlock();
      deliver(ended);
      lock.lock();
      continue;
    }
    next->at = call::phase::running;
    ++next->attempt;
    next->queue_time += now - next->queued_at;
    next->target->metrics.queue.add(now - next->queued_at);
    next->stop = std::stop_source{};
    --waiting;
    --next->target->waiting;
    ++running;
    ++next->target->running;
    lock.unlock();
    run(*next, now);
    lock.lock();
  }
}

void dispatcher_core::keep_house() {
  std::unique_lock lock(mutex);
  while (!finished) {
    if (look_now || config.time->now() >= next_look) {
      lock.unlock();
      expire();
      lock.lock();
    } else if (next_look == never) {
      house_call.wait(lock);
    } else {
      house_call.wait_until(lock, next_look);
    }
  }
}

}  // namespace modal::detail
