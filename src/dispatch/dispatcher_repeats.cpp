// SPDX-License-Identifier: Apache-2.0
// Calls whose ids are known: what runs once, whoever asks again, and who is given its outcome.
#include "dispatch/dispatcher_core.hpp"

#include <algorithm>
#include <utility>

namespace modal::detail {
namespace {

// Longer than our own client waits before it tries again.
constexpr duration come_again = std::chrono::seconds{10};

// One that nobody has found out may be anybody who knows the call's id, which cannot be guessed:
// the same caller comes by TCP once, and by a Unix socket the next time.
bool is_same_call(const call_subject& a, const call_subject& b) {
  return a.target == b.target && a.encoding == b.encoding &&
         (!a.caller || !b.caller || a.caller->name == b.caller->name);
}

}  // namespace

// Decides what becomes of a submitted call by its id. Throws `bad_alloc`, and nothing has changed.
dispatcher_core::standing dispatcher_core::look_up_locked(call& which, time_point now) {
  if (!which.is_named) return {};
  const call_id& id = which.head.id;
  const auto* known = repeats.find(id, now);
  if (recent.contains(id, now)) return {.is_duplicate = true};
  // One that was answered while its function runs on has nothing more to give.
  if (known == nullptr || (known->under_way != nullptr && known->under_way->answered)) {
    if (known != nullptr && !which.head.repeats) return {.is_duplicate = true};
    if (which.head.repeats)
      repeats.begin(id, which);
    else
      recent.note(id, now);
    which.is_noted = true;
    return {};
  }
  if (!which.head.repeats) return {.is_duplicate = true};
  if (known->under_way != nullptr) {
    if (!is_same_call(*known->under_way, which)) return {.is_duplicate = true};
    auto& others = known->under_way->followers;
    if (others.size() == others.capacity()) others.reserve(2 * others.size() + 1);
    return {.first = call_ptr(known->under_way)};
  }
  auto outcome = known->outcome();
  if (!is_same_call(outcome->of, which)) return {.is_duplicate = true};
  return {.outcome = std::move(outcome)};
}

// Whoever asks for a call that is known needs no room: only its body has to come. Until it has, the
// call that was lost goes on.
bool dispatcher_core::asks_again_locked(const call_head& head, time_point now) {
  if (!head.repeats || head.id.is_nil()) return false;
  const auto* known = repeats.find(head.id, now);
  if (known == nullptr) return false;
  call* const first = known->under_way;
  if (first == nullptr) return true;
  // One that has left its lane is about to be ended.
  if (first->answered || (first->at == call::phase::queued && !first->is_queued())) return false;
  if (first->abandoned_at != never) {
    first->abandoned_at = saturating_add(now, come_again);
    wake_up later;  // is never earlier than what the housekeeper waits for already
    set_due_locked(*first, later);
  }
  return true;
}

// Lets `which` wait for the outcome of `first`, whose caller has come again.
void dispatcher_core::follow_locked(call& which, call_ptr first, time_point now, wake_up& wake) {
  first->followers.emplace_back(&which);
  first->abandoned_at = never;
  // It may have left its lane to be ended.
  if (first->at == call::phase::queued && !first->is_queued())
    enqueue_locked(*first, now, wake);
  else
    set_due_locked(*first, wake);
  // It needs neither a worker nor what its body has.
  unplace_locked(which);
  release_locked(which.memory);
  transition_locked(which, call::phase::following);
  which.first = std::move(first);
  set_due_locked(which, wake);
}

// Takes the calls that wait for the outcome of `which` off the books, with that outcome.
std::vector<call_ptr> dispatcher_core::take_followers_locked(call& which, const error* failure) {
  std::vector<call_ptr> those = std::exchange(which.followers, {});
  for (const call_ptr& each : those) {
    claim_locked(*each);
    each->first.reset();
    retire_locked(*each);
    count_locked(*each, failure);
  }
  return those;
}

// One that waits no longer: the call it waited for goes on while others, or its own caller, do.
void dispatcher_core::unfollow_locked(call& which, wake_up& wake) {
  const call_ptr first = std::exchange(which.first, nullptr);
  if (first == nullptr) return;
  std::erase_if(first->followers, [&](const call_ptr& each) { return each.get() == &which; });
  if (!first->followers.empty() || !first->is_lost || first->answered) return;
  first->abandoned_at = saturating_add(config.time->now(), come_again);
  set_due_locked(*first, wake);
}

// What a call that is over leaves of its id.
void dispatcher_core::note_over_locked(call& which) noexcept {
  if (!which.is_noted) return;
  if (which.head.repeats)
    repeats.end(which.head.id, which, nullptr, 0, config.time->now());
  else if (which.attempt == 0)
    recent.forget(which.head.id);  // it has not run, and may still
}

void dispatcher_core::lose(call& which) {
  wake_up wake;
  bool goes_on = false;
  {
    const mutex_lock lock(mutex);
    if (which.answered || which.target->descriptor->options.linger) return;
    which.is_lost = true;
    // Somebody must be able to ask for it, or has done so.
    goes_on = which.head.repeats && which.is_noted && (!draining || !which.followers.empty());
    if (goes_on && which.followers.empty()) {
      which.abandoned_at = saturating_add(config.time->now(), come_again);
      set_due_locked(which, wake);
    }
  }
  carry_out(wake);
  if (!goes_on) cancel(which);
}

// What outcomes hold is the user's, and its end may take its time.
void dispatcher_core::end_aside(repeatable_calls::kept_list dropped) noexcept {
  if (dropped.empty()) return;
  try {
    std::vector<std::shared_ptr<const void>> last;
    last.reserve(dropped.size());
    for (auto& each : dropped) last.push_back(std::move(each.outcome));
    aside.end(std::move(last));
  } catch (const std::bad_alloc&) {  // then here
  }
}

void dispatcher_core::deliver_failure(const std::vector<call_ptr>& to, const error& failure,
                                      const executor_report& report) noexcept {
  for (const call_ptr& each : to) {
    std::exchange(each->sink, nullptr)
        ->on_answer({.about = *each, .failure = &failure, .report = report});
    note_delivered();
  }
}

void dispatcher_core::deliver_outcome(call& to,
                                      const std::shared_ptr<const call_outcome>& outcome) noexcept {
  std::shared_ptr<call_sink> sink = std::move(to.sink);
  call_answer answer{.about = to, .report = outcome->report};
  const auto tell = [&](const call_answer& told) {
    sink->on_answer(told);
    sink.reset();
  };
  try {
    if (outcome->failure) {
      answer.failure = &*outcome->failure;
      tell(answer);
    } else if (to.encoding == encoding::json) {
      std::string json = outcome->json;
      answer.json = &json;
      answer.memory = outcome->memory;
      tell(answer);
    } else {
      payload result = share_result(outcome);
      answer.binary = &result;
      answer.memory = outcome->memory;
      tell(answer);
    }
  } catch (const std::bad_alloc&) {
    const error reason(errc::result_too_large);
    tell({.about = to, .failure = &reason, .report = outcome->report});
  }
  note_delivered();
}

}  // namespace modal::detail
