// SPDX-License-Identifier: Apache-2.0
// What a worker's thread does: takes a call, runs it, keeps the books, answers.
#include "dispatch/dispatcher_core.hpp"
#include "dispatch/run_function.hpp"

#include <algorithm>
#include <random>
#include <utility>

namespace modal::detail {
namespace {

using std::chrono::nanoseconds;

constexpr std::size_t least_counted_result = 64 << 10;
/// Of a function that runs where calls are read.
constexpr nanoseconds longest_on_io = std::chrono::milliseconds{1};
constexpr nanoseconds time_between_warnings = std::chrono::minutes{1};
/// What an outcome that is kept takes besides the result.
constexpr std::size_t least_kept = 1 << 10;

// Full jitter: any wait up to the bound is as likely as any other, so that calls that failed
// together do not come back together.
nanoseconds retry_wait(const function_options& options, int retry) {
  const nanoseconds longest = std::chrono::minutes{1};
  nanoseconds bound = std::min(saturated(options.retry_delay), longest);
  for (int i = 0; i < retry && bound < longest; ++i) bound *= 2;
  bound = std::min(bound, longest);
  thread_local std::minstd_rand generate{std::random_device{}()};
  return nanoseconds{std::uniform_int_distribution<nanoseconds::rep>{0, bound.count()}(generate)};
}

std::size_t text_size(const std::optional<error>& failure) {
  if (!failure) return 0;
  const diagnostics& texts = failure->details();
  return texts.message.size() + texts.exception_type.size() + texts.signature.size();
}

}  // namespace

// A run's place among the threads, and in its function's lane: while the function waits for a call
// of its own, others may have both. Where the user has said how many may run at a time, that holds
// for those that wait too: they may hold what there is so many of.
class dispatcher_core::seat final : public worker_seat {
 public:
  seat(dispatcher_core& of, call& sits) noexcept
      : core(of),
        which_(sits),
        keeps_lane_(sits.target->descriptor->options.max_concurrent != 0),
        outer_(dynamic_cast<const seat*>(this_seat())) {}

  void leave() noexcept override { core.park(which_, keeps_lane_); }
  void come_back() noexcept override { core.resume(which_, keeps_lane_); }

  /// Returns whether a function on this thread, this one or one that waits for it, is in the lane
  /// of `other`, and keeps its place there.
  [[nodiscard]] bool keeps_lane_of(const call& other) const noexcept {
    for (const seat* each = this; each != nullptr; each = each->outer_)
      if (each->keeps_lane_ && each->which_.line == other.line) return true;
    return false;
  }

  dispatcher_core& core;

 private:
  call& which_;
  const bool keeps_lane_;
  const seat* const outer_;
};

// The memory of a result, from its run until it is written. A result may overdraw the budget, for
// its call has run; nobody new is let in until that is paid back.
class dispatcher_core::result_memory {
 public:
  result_memory(std::weak_ptr<dispatcher_core> of, std::size_t size)
      : core_(std::move(of)), size_(size) {}
  ~result_memory() {
    const auto core = core_.lock();
    if (!core || share_.held == 0) return;
    const mutex_lock lock(core->mutex);
    core->release_locked(share_);
  }
  result_memory(const result_memory&) = delete;
  result_memory& operator=(const result_memory&) = delete;

  void charge_locked(memory_budget& budget) noexcept { budget.charge(share_, size_); }

 private:
  const std::weak_ptr<dispatcher_core> core_;
  const std::size_t size_;
  memory_share share_;
};

bool dispatcher_core::retry_locked(call& which, error& failure, time_point now, wake_up& wake) {
  const function_options& options = which.target->descriptor->options;
  if (failure != errc::function_failed || which.answered || closed) return false;
  if (which.attempt > options.retries || which.stop.is_requested()) return false;
  const time_point again = saturating_add(now, retry_wait(options, which.attempt - 1));
  if (again >= which.deadline) return false;  // the failure says more than a deadline would
  which.last_failure = std::move(failure);
  ++which.target->metrics.retried;
  if (again <= now) {
    enqueue_locked(which, now, wake);
  } else {
    transition_locked(which, call::phase::delayed);
    which.not_before = again;
    set_due_locked(which, wake);
  }
  return true;
}

void dispatcher_core::start_locked(call& which, time_point now) {
  transition_locked(which, call::phase::running);
  ++which.attempt;
  which.started_at = now;
  // The time was read before the lock was taken: the call may have come since.
  const nanoseconds waited = std::max(now - which.queued_at, nanoseconds{0});
  which.queue_time += waited;
  which.target->metrics.queue.add(waited);
  which.stop.reset();
  if (which.target->uses_device()) take_device_locked(which);
}

// The call has begun and lives, and its worker is free for others, on this thread or another one.
void dispatcher_core::park(call& which, bool keeps_lane) noexcept {
  wake_up wake;
  {
    const mutex_lock lock(mutex);
    transition_locked(which, call::phase::parked);
    if (!keeps_lane) plan.leave(which);
    // Its device is idle meanwhile, but for the memory that it keeps.
    if (which.target->uses_device()) book_device_locked(which, ~std::size_t{0});
    if (has_work_locked()) pick_worker_locked(wake);
  }
  carry_out(wake);
}

// It goes on, at once: for a moment there may be one more than there are workers.
void dispatcher_core::resume(call& which, bool keeps_lane) noexcept {
  const mutex_lock lock(mutex);
  transition_locked(which, call::phase::running);
  if (!keeps_lane) plan.come_back(which);
  if (which.target->uses_device()) book_device_locked(which, 1);
}

// Takes the call that this thread is to run.
call_ptr dispatcher_core::next_locked(time_point now) {
  // At the end the device's thread runs some too, beyond the number of workers.
  if (!resumed.empty() && (closed || has_room_locked())) {
    call_ptr next(&resumed.front(), false);
    resumed.pop_front();
    transition_locked(*next, call::phase::running);
    return next;
  }
  // What is queued still when the grace period is over is about to be ended.
  if (closed || !has_room_locked()) return nullptr;
  call_ptr next(static_cast<call*>(plan.take_next(now)));
  if (next != nullptr) start_locked(*next, now);
  return next;
}

// What is shared by all who ask for this call.
std::shared_ptr<call_outcome> dispatcher_core::make_outcome(call& which,
                                                            const std::optional<error>& failure,
                                                            std::shared_ptr<const void> memory) {
  auto made = std::make_shared<call_outcome>();
  made->of = which;
  made->failure = failure;
  made->result = std::move(which.work.result);
  made->json = std::move(which.work.json);
  made->memory = std::move(memory);
  return made;
}

// Runs a call that was taken, or goes on with it. Returns false where it waits for its device: then
// it is not this thread's any more.
bool dispatcher_core::runs_to_its_end(const call_ptr& running_call, std::optional<error>& failure) {
  call& which = *running_call;
  const bool is_first_turn = which.on_device == nullptr;
  seat own(*this, which);
  const seat_scope seated(own);
  if (!which.target->uses_device()) {
    failure = run_function(which, config);
    return true;
  }
  try {
    if (is_first_turn)
      which.on_device = std::make_unique<device_run>(which, config, *config.devices[which.device],
                                                     device_time(which));
  } catch (const std::bad_alloc&) {
    failure.emplace(errc::queue_full);
    return true;
  }
  for (;;) {
    auto mark = which.on_device->go_on();
    if (mark == nullptr) break;
    if (suspend(running_call, mark)) return false;
    (void)mark->wait();  // there is no memory, or no thread, for anything better
  }
  const bool is_in_use = which.on_device->is_memory_in_use();
  failure = which.on_device->take_failure();
  if (is_in_use) {
    which.on_device->keep(std::move(which.body));
    keep_for_ever(std::move(which.on_device));
  }
  which.on_device.reset();
  return true;
}

// How long a device may take for what a call has put there, from then on. That is for the function
// and the executor to say: a caller's impatience, or a function that was late itself, says nothing
// of the device.
nanoseconds dispatcher_core::device_time(const call& which) const noexcept {
  nanoseconds longest = saturated(config.bounds.call_timeout);
  if (which.target->descriptor->options.timeout.count() > 0)
    longest = std::min(longest, saturated(which.target->descriptor->options.timeout));
  return longest;
}

// Returns false where that is not possible: then nothing has changed.
bool dispatcher_core::suspend(const call_ptr& running_call, std::shared_ptr<gpu::event> mark) {
  call& which = *running_call;
  std::function<void()> then;
  try {
    then = [core = shared_from_this(), running_call] { core->go_on_with(running_call); };
  } catch (const std::bad_alloc&) {
    return false;
  }
  device_slot& slot = *config.devices[which.device];
  {
    const mutex_lock lock(mutex);
    transition_locked(which, call::phase::parked);
    ++suspended;
  }
  try {
    slot.when_passed(std::move(mark), std::move(then),
                     saturating_add(real_clock().now(), device_time(which)));
    return true;
  } catch (const std::exception&) {
    const mutex_lock lock(mutex);
    transition_locked(which, call::phase::running);
    --suspended;
    return false;
  }
}

// Its device is done with what it waited for. On the device's thread, which ends what is left when
// the workers have gone.
void dispatcher_core::go_on_with(call_ptr which) noexcept {
  wake_up wake;
  bool is_last = false;
  {
    const mutex_lock lock(mutex);
    is_last = closed;
    if (is_last) {
      transition_locked(*which, call::phase::running);
    } else {
      --suspended;
      resumed.push_back(*which);
      intrusive_ptr_add_ref(which.get());
      pick_worker_locked(wake);
    }
  }
  carry_out(wake);
  if (!is_last) return;
  run(which, false);
  const mutex_lock lock(mutex);
  --suspended;
  quiet.notify_all();
}

// Runs a call that was taken, answers it, and returns the next one for this thread, if there is one
// and it `takes_next`: found under the same lock, unless somebody else's code comes first, which
// may take its time.
call_ptr dispatcher_core::run(const call_ptr& running_call, bool takes_next) {
  call& which = *running_call;
  served_function& target = *which.target;
  std::optional<error> failure;
  if (!runs_to_its_end(running_call, failure)) return nullptr;
  const time_point started_at = which.started_at;
  const time_point ended = config.time->now();
  executor_report measured{.decode = which.work.decode_time,
                           .run = which.work.run_time,
                           .encode = which.work.encode_time,
                           .device = std::move(which.work.device)};
  if (target.uses_device()) measured.device.name = config.devices[which.device]->name();
  if (failure) which.work = invocation{};  // half a result, which a repeated run must not find
  const std::size_t result_size =
      which.encoding == encoding::json ? which.work.json.size() : which.work.result.wire_size();
  std::shared_ptr<result_memory> held;
  std::shared_ptr<call_outcome> outcome;
  try {
    if (failure) {
      failure->details().function = target.descriptor->name;
      failure->details().call_id = which.head.id.to_string();
    }
    // Small results are written at once, and cost more to count than to hold.
    if (!failure && result_size >= least_counted_result)
      held = std::make_shared<result_memory>(weak_from_this(), result_size);
    if (which.is_noted && which.head.repeats) outcome = make_outcome(which, failure, held);
  } catch (const std::bad_alloc&) {  // what is missing then is not worth the call
  }

  bool is_quick = takes_next && which.is_answered_quickly && !config.log_calls && !outcome;
  incoming_body body;
  bool mine = false;
  bool again = false;
  bool is_fault = false;
  bool is_slow = false;
  const std::size_t device = which.device;
  std::vector<call_ptr> followers;
  repeatable_calls::kept_list dropped;
  wake_up wake;
  call_ptr next;
  call_answer answer{.about = which, .report = {}};
  {
    const mutex_lock lock(mutex);
    const nanoseconds run_time = ended - started_at;
    plan.note_end(which, run_time);
    if (target.descriptor->options.run == run_on::io && run_time > longest_on_io &&
        ended - target.warned_at > time_between_warnings) {
      target.warned_at = ended;
      is_slow = true;
    }
    if (target.uses_device()) {
      is_fault = failure && notice_fault_locked(which);
      leave_device_locked(which);
    }
    target.metrics.run.add(run_time);
    if (target.uses_device()) target.metrics.add(measured.device);
    again = failure && retry_locked(which, *failure, ended, wake);
    if (!again) {
      answer.report = measured;
      answer.report.queue = which.queue_time;
      answer.report.attempts = which.attempt;
      body = std::move(which.body);
      mine = claim_locked(which);
      if (mine && outcome) {
        outcome->report = answer.report;
        repeats.end(which.head.id, which, outcome, result_size + least_kept + text_size(failure),
                    ended);
        if (next_due_locked() < house_sleeps_until) wake.house = true;
      }
      retire_locked(which);
      if (mine) {
        count_locked(which, failure ? &*failure : nullptr);
        followers = take_followers_locked(which, failure ? &*failure : nullptr);
        if (!failure) target.metrics.bytes_out += result_size;
        if (held) held->charge_locked(memory);
      }
    }
    dropped = repeats.take_dropped();
    is_quick = is_quick && followers.empty();
    if (is_quick) next = next_locked(ended);
    // This end may have let another function's calls, or one more of this function's, run.
    if (has_work_locked()) pick_worker_locked(wake);
  }
  carry_out(wake);
  end_aside(std::move(dropped));
  if (is_fault) log_fault(device, *failure);
  if (is_slow) log_slow(which, ended - started_at);
  // A call that is repeated is not ours any more: another worker may run it already. One that is
  // not `mine` was answered before: cancelled, or too late.
  if (again || !mine) return next;
  { const incoming_body given_back = std::move(body); }
  if (outcome) {
    deliver_outcome(which, outcome);
    for (const call_ptr& each : followers) deliver_outcome(*each, outcome);
    log_end(which, failure, ended - started_at);
    return next;
  }
  if (failure) {
    answer.failure = &*failure;
  } else if (which.encoding == encoding::json) {
    answer.json = &which.work.json;
  } else {
    answer.binary = &which.work.result;
  }
  answer.memory = std::move(held);
  answer.goes_on = next != nullptr;
  std::shared_ptr<call_sink> sink = std::move(which.sink);
  // What the sink brings in is found as soon as this has returned.
  if (is_quick && next == nullptr) seeks_for = this;
  sink->on_answer(answer);
  sink.reset();
  seeks_for = nullptr;
  note_delivered();
  // There was no memory for an outcome that several can have.
  const error no_memory(errc::result_too_large);
  deliver_failure(followers, failure ? *failure : no_memory, answer.report);
  log_end(which, failure, ended - started_at);
  return next;
}

// Exactly this call, whose caller waits on this thread: with another one it might wait for a mutex
// that its own caller holds.
bool dispatcher_core::run_here(call& which) {
  const auto* mine = dynamic_cast<seat*>(this_seat());
  if (mine == nullptr || &mine->core != this) return false;
  {
    const mutex_lock lock(mutex);
    if (which.at != call::phase::queued || which.answered) return false;
    if (which.target->uses_device()) return false;  // it may end on another thread
    const time_point now = config.time->now();
    if (which.deadline <= now) return false;
    // As many as the user has said may run; it would wait for itself otherwise.
    if (which.target->descriptor->options.max_concurrent != 0 && which.line->room() == 0 &&
        !mine->keeps_lane_of(which))
      return false;
    plan.take(which);
    start_locked(which, now);
  }
  run(call_ptr(&which), false);
  return true;
}

void dispatcher_core::work() {
  lookout* const outside = config.between_calls.get();
  mutex_lock lock(mutex);
  parker& bed = parkers[parkers_taken++];
  for (;;) {
    call_ptr next = next_locked(config.time->now());
    if (next != nullptr) {
      ++busy;
      // One wakes the next, as long as there is something to run.
      wake_up wake;
      if (has_work_locked()) pick_worker_locked(wake);
      lock.unlock();
      carry_out(wake);
      if (outside != nullptr) outside->hand_over();
      while (next != nullptr) next = run(next, true);
      lock.lock();
      --busy;
    } else if (closed) {
      lock.unlock();
      if (outside != nullptr) outside->hand_over();
      return;
    } else if (outside == nullptr) {
      parked.push_back(&bed);
      lock.unlock();
      bed.park();
      lock.lock();
    } else {
      ++looking;
      lock.unlock();
      seeks_for = this;
      outside->look();
      seeks_for = nullptr;
      lock.lock();
      // Whoever was called may not be the first to come.
      if (called != 0)
        --called;
      else
        --looking;
    }
  }
}

}  // namespace modal::detail
