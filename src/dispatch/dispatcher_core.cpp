// SPDX-License-Identifier: Apache-2.0
#include "dispatch/dispatcher_core.hpp"

#include <modal/base/insist.hpp>

#include <algorithm>
#include <utility>

namespace modal::detail {

using std::chrono::nanoseconds;

thread_local const dispatcher_core* dispatcher_core::seeks_for = nullptr;

dispatcher_core::dispatcher_core(const catalog& served_functions, dispatcher_config settings)
    : config(std::move(settings)),
      functions_(served_functions),
      memory(config.bounds.bytes_in_flight),
      recent(config.bounds.remembered_calls, saturated(config.bounds.remembered_time)),
      // What is kept must leave room for what is new.
      repeats(std::min(config.bounds.remembered_bytes, config.bounds.bytes_in_flight / 4),
              saturated(config.bounds.remembered_time)) {
  auto found = find_places(config);
  std::vector<served_function*> on_devices;
  std::vector<device_need> needs;
  for (const auto& [name, descriptor] : functions_) {
    served_function& added =
        served.try_emplace(name, descriptor, config, functions_.size(), found).first->second;
    if (!added.uses_device() || !added.obstacle.empty()) continue;
    on_devices.push_back(&added);
    needs.push_back(added.need);
  }
  // Workers take no memory by themselves: they could tell nobody that there is none.
  const mutex_lock lock(mutex);
  parkers.resize(config.threads + config.spare_threads);
  parked.reserve(parkers.size());
  places = std::move(found);
  for (device_place& each : places) each.largest_need = largest_need(each, needs);
  device_functions = std::move(on_devices);
}

served_function* dispatcher_core::find(std::string_view name) {
  const auto found = served.find(name);
  return found != served.end() ? &found->second : nullptr;
}

const served_function* dispatcher_core::find(std::string_view name) const {
  const auto found = served.find(name);
  return found != served.end() ? &found->second : nullptr;
}

// Finds a thread for a call that may run: one that is parked, or a spare one where functions that
// wait have left room. Otherwise all are busy, and look at the queues before they park.
void dispatcher_core::pick_worker_locked(wake_up& wake) {
  if (wake.worker != nullptr || wake.looker || wake.spare || wake.is_seen) return;
  if (!has_room_locked()) return;
  if (looking != 0) {
    --looking;
    ++called;
    wake.looker = true;
  } else if (!parked.empty()) {
    wake.worker = parked.back();
    parked.pop_back();
  } else if (parked_calls > suspended + resumed.size() && spares < config.spare_threads &&
             started && !closed) {
    ++spares;
    wake.spare = true;
  }
}

void dispatcher_core::set_due_locked(call& which, wake_up& wake) {
  time_point due = std::min(which.deadline, which.abandoned_at);
  if (which.at == call::phase::delayed) due = std::min(due, which.not_before);
  if (which.answered) due = never;
  plan.set_due(which, due);
  if (due < house_sleeps_until) wake.house = true;
}

void dispatcher_core::enqueue_locked(call& which, time_point now, wake_up& wake) {
  transition_locked(which, call::phase::queued);
  if (which.target->uses_device())
    which.gate = which.is_placed ? &places[which.device].is_full : &which.target->is_blocked;
  plan.enqueue(which, now);
  set_due_locked(which, wake);
  if (has_work_locked()) pick_worker_locked(wake);
}

// It runs on this thread, which is no worker, or one that looks for calls.
void dispatcher_core::begin_here_locked(call& which, time_point now, wake_up& wake) {
  transition_locked(which, call::phase::queued);
  plan.enqueue(which, now);
  set_due_locked(which, wake);
  plan.take(which);
  start_locked(which, now);
}

void dispatcher_core::carry_out(const wake_up& wake) {
  if (wake.worker != nullptr) wake.worker->unpark();
  if (wake.looker) config.between_calls->wake();
  if (wake.house) house_call.notify_one();
  if (wake.spare && !workers.grow()) {
    const mutex_lock lock(mutex);
    --spares;
  }
}

void dispatcher_core::wake_all() {
  const mutex_lock lock(mutex);
  for (parker* each : parked) each->unpark();
  parked.clear();
  for (; looking != 0; --looking, ++called) config.between_calls->wake();
}

// The books of all calls: everything that is counted by phase is counted here.
void dispatcher_core::transition_locked(call& which, call::phase to) noexcept {
  book_locked(*which.target, which.at, ~std::size_t{0});
  which.at = to;
  book_locked(*which.target, to, 1);
}

void dispatcher_core::book_locked(served_function& target, call::phase at,
                                  std::size_t by) noexcept {
  using phase = call::phase;
  switch (at) {
    case phase::admitted:
    case phase::queued:
    case phase::delayed:
      target.waiting += by;
      waiting += by;
      break;
    case phase::following:
      waiting += by;
      break;
    case phase::running:
      running += by;
      break;
    case phase::parked:
      parked_calls += by;
      break;
    case phase::none:
    case phase::over:
      break;
  }
}

bool dispatcher_core::has_room_locked() const { return running < config.threads; }

bool dispatcher_core::has_work_locked() const { return !resumed.empty() || plan.has_next(); }

bool dispatcher_core::claim_locked(call& which) {
  if (which.answered) return false;
  which.answered = true;
  plan.set_due(which, never);
  return true;
}

// What waits for memory is told with the lock held: it only wakes others.
void dispatcher_core::release_locked(memory_share& share) {
  memory.release(share);
  resume_locked();
}

void dispatcher_core::resume_locked() {
  while (const auto resume = memory.take_resumed()) resume();
}

void dispatcher_core::count_locked(call& which, const error* failure) {
  if (failure != nullptr) {
    ++failed;
    which.target->metrics.count(failure->value());
  } else {
    ++succeeded;
    which.target->metrics.count_success();
  }
}

// Takes a call off all books. The list's reference goes with it: the caller holds another.
void dispatcher_core::retire_locked(call& which) {
  if (which.at == call::phase::over) return;
  if (!which.has_begun()) plan.withdraw(which);
  plan.set_due(which, never);
  unplace_locked(which);
  release_locked(which.memory);
  note_over_locked(which);
  transition_locked(which, call::phase::over);
  if (which.flight_hook.is_linked()) {
    flight.erase(flight.iterator_to(which));
    intrusive_ptr_release(&which);
  }
}

dispatcher_core::verdict dispatcher_core::end_locked(call& which, errc what,
                                                     std::string_view message,
                                                     wake_up& wake) noexcept {
  verdict ended{call_ptr(&which), error(what), {}, {}};
  try {
    ended.failure.details().message = message;
    // It has run: what came of that says more than that it will not run again.
    if (what == errc::draining && which.last_failure) ended.failure = *which.last_failure;
    ended.failure.details().function = which.target->descriptor->name;
    ended.failure.details().call_id = which.head.id.to_string();
  } catch (const std::bad_alloc&) {  // then it says less
  }
  if (ended.failure.condition() == condition::retry_later)
    ended.failure.details().retry_after = retry_after_locked(which.target);
  ended.report.queue = which.queue_time;
  ended.report.attempts = std::max(which.attempt, 1);
  claim_locked(which);
  count_locked(which, &ended.failure);
  ended.followers = take_followers_locked(which, &ended.failure);
  unfollow_locked(which, wake);
  if (!which.has_begun()) {
    if (which.at == call::phase::queued) ended.report.queue += config.time->now() - which.queued_at;
    ended.body = std::move(which.body);
    retire_locked(which);
    // What it has left, a place on a device too, may let another one begin.
    if (has_work_locked()) pick_worker_locked(wake);
  }
  return ended;
}

void dispatcher_core::deliver(verdict& ended) noexcept {
  { const incoming_body given_back = std::move(ended.body); }
  std::shared_ptr<call_sink> sink = std::move(ended.about->sink);
  sink->on_answer({.about = *ended.about, .failure = &ended.failure, .report = ended.report});
  sink.reset();
  note_delivered();
  deliver_failure(ended.followers, ended.failure, ended.report);
}

// Whoever waits said so before it looked at the count, and whoever counts looks after it has: one
// of the two sees the other.
void dispatcher_core::note_delivered() noexcept {
  if (undelivered.fetch_sub(1) != 1 || !is_awaited.load()) return;
  const mutex_lock lock(mutex);
  quiet.notify_all();
}

// Stop callbacks are users' code, and may block.
void dispatcher_core::stop_function(std::stop_source which) {
  if (config.keeper == housekeeping::own_thread) return aside.request(std::move(which));
  const mutex_lock lock(mutex);
  stops.push_back(std::move(which));
}

call_ptr dispatcher_core::submit(call_ptr which, incoming_body body,
                                 std::shared_ptr<call_sink> sink, submitter who) {
  const time_point now = which->complete_at != never ? which->complete_at : config.time->now();
  which->body = std::move(body);
  which->sink = std::move(sink);
  which->is_answered_quickly = who == submitter::goes_back;
  std::optional<verdict> ended;
  std::shared_ptr<const call_outcome> outcome;
  repeatable_calls::kept_list dropped;
  incoming_body unused;
  bool runs_here = false;
  wake_up wake{.is_seen = who == submitter::goes_back && seeks_for == this};
  {
    const mutex_lock lock(mutex);
    which->target->metrics.bytes_in += which->body.size();
    leave_early_place_locked(*which);
    memory.end_arrival(which->memory);
    resume_locked();
    if (closed) {
      ended = end_locked(*which, errc::draining, "the executor stopped before the call could run",
                         wake);
    } else if (which->deadline <= now) {
      ended = end_locked(*which, errc::deadline_exceeded,
                         "the deadline passed while the call's body was read", wake);
    } else {
      standing known;
      try {
        known = look_up_locked(*which, now);
      } catch (const std::bad_alloc&) {  // then it runs, and nobody remembers it
      }
      outcome = std::move(known.outcome);
      if (known.is_duplicate) {
        ended = end_locked(*which, errc::duplicate_call,
                           "a call with this id has begun before, and is not run twice", wake);
      } else if (outcome != nullptr) {
        unused = std::move(which->body);
        claim_locked(*which);
        retire_locked(*which);
        count_locked(*which, outcome->failure ? &*outcome->failure : nullptr);
      } else {
        intrusive_ptr_add_ref(which.get());
        flight.push_back(*which);
        if (known.first != nullptr) {
          unused = std::move(which->body);
          follow_locked(*which, std::move(known.first), now, wake);
        } else if (who == submitter::goes_back &&
                   which->target->descriptor->options.run == run_on::io) {
          begin_here_locked(*which, now, wake);
          runs_here = true;
        } else {
          enqueue_locked(*which, now, wake);
        }
      }
    }
    dropped = repeats.take_dropped();
    if (has_work_locked()) pick_worker_locked(wake);
  }
  carry_out(wake);
  end_aside(std::move(dropped));
  { const incoming_body given_back = std::move(unused); }
  if (runs_here) run(which, false);
  if (ended)
    deliver(*ended);
  else if (outcome != nullptr)
    deliver_outcome(*which, outcome);
  return which;
}

void dispatcher_core::cancel(call& which) {
  std::optional<verdict> ended;
  std::optional<std::stop_source> stop;
  wake_up wake;
  {
    const mutex_lock lock(mutex);
    if (which.answered) return;
    ended = end_locked(which, errc::cancelled, "cancelled by the caller", wake);
    if (which.has_begun()) stop = which.stop.request();
  }
  carry_out(wake);
  deliver(*ended);
  if (stop) stop_function(*std::move(stop));
}

time_point dispatcher_core::expire() {
  for (;;) {
    std::optional<verdict> ended;
    std::optional<std::stop_source> stop;
    std::vector<std::stop_source> asked;
    repeatable_calls::kept_list dropped;
    wake_up wake;
    {
      const mutex_lock lock(mutex);
      const time_point now = config.time->now();
      asked.swap(stops);
      auto* const due = static_cast<call*>(plan.take_due(now));
      repeats.drop_late(now);
      dropped = repeats.take_dropped();
      if (due == nullptr && asked.empty()) return next_due_locked();
      const bool is_late = due != nullptr && due->deadline <= now;
      if (is_late || (due != nullptr && due->abandoned_at <= now)) {
        const call_ptr keep(due);
        ended = is_late
                    ? end_locked(*due, errc::deadline_exceeded,
                                 due->has_begun() ? "the function was still running at the deadline"
                                                  : "no worker was free before the deadline",
                                 wake)
                    : end_locked(*due, errc::cancelled,
                                 "the caller's connection ended, and it has not come again", wake);
        if (due->has_begun()) stop = due->stop.request();
      } else if (due != nullptr) {
        enqueue_locked(*due, now, wake);
      }
    }
    carry_out(wake);
    end_aside(std::move(dropped));
    if (ended) deliver(*ended);
    if (stop && config.keeper == housekeeping::own_thread)
      aside.request(*std::move(stop));
    else if (stop)
      stop->request_stop();
    for (auto& each : asked) each.request_stop();
  }
}

// One call at a time, so that there is nothing to collect, and what memory is missing for can be
// tried again.
bool dispatcher_core::stop_one() {
  std::optional<verdict> ended;
  std::optional<std::stop_source> stop;
  wake_up wake;
  {
    const mutex_lock lock(mutex);
    closed = true;
    const auto found =
        std::find_if(flight.begin(), flight.end(), [](const call& each) { return !each.answered; });
    if (found == flight.end()) return false;
    const call_ptr keep(&*found);
    const bool runs = keep->has_begun();
    ended = end_locked(*keep, runs ? errc::cancelled : errc::draining,
                       runs ? "the executor stopped, and its grace period is over"
                            : "the executor stopped before the call could run",
                       wake);
    if (runs) stop = keep->stop.request();
  }
  carry_out(wake);  // it may be to end
  deliver(*ended);
  if (stop) aside.request(*std::move(stop));
  return true;
}

void dispatcher_core::stop_remaining() noexcept {
  while (insist([this] { return stop_one(); })) {
  }
  wake_all();
}

time_point dispatcher_core::next_due_locked() const {
  return std::min(plan.next_due(), repeats.due());
}

void dispatcher_core::keep_house() {
  mutex_lock lock(mutex);
  while (!finished) {
    const time_point due = next_due_locked();
    if (config.time->now() >= due) {
      lock.unlock();
      insist([this] { expire(); });
      lock.lock();
      continue;
    }
    house_sleeps_until = due;
    if (due == never)
      house_call.wait(lock);
    else
      house_call.wait_until(lock, due);
    house_sleeps_until = time_point::min();
  }
}

}  // namespace modal::detail
