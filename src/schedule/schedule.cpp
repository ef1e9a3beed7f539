// SPDX-License-Identifier: Apache-2.0
#include "schedule/schedule.hpp"

#include <algorithm>

namespace modal::detail {
namespace {

// What a run counts that has not been measured yet: enough that a function that was never run does
// not take every worker at once.
constexpr duration unknown_run = std::chrono::microseconds{50};

}  // namespace

// Puts the lane where it belongs now: among those that may be served, by what it used, or nowhere.
void schedule::refresh(lane& line) noexcept {
  if (line.ready_hook_.is_linked()) ready_.erase(ready_.iterator_to(line));
  if (line.queue_.empty() || line.room() == 0) return;
  const bool* const gate = line.queue_.front().gate;
  if (gate == nullptr || !*gate) ready_.insert(line);
}

void schedule::enqueue(scheduled& which, time_point now) {
  lane& line = *which.line;
  // Time in which it wanted nothing is not saved up.
  if (line.queue_.empty() && line.running_ == 0) line.used_ = std::max(line.used_, reached_);
  which.queued_at = now;
  which.expected_run = line.expected_run_;
  line.expected_work_ += which.expected_run;
  ++queued_;
  line.queue_.push_back(which);
  refresh(line);
}

void schedule::leave_queue(scheduled& which) noexcept {
  lane& line = *which.line;
  line.queue_.erase(line.queue_.iterator_to(which));
  line.expected_work_ -= which.expected_run;
  --queued_;
}

void schedule::withdraw(scheduled& which) noexcept {
  if (!which.is_queued()) return;
  leave_queue(which);
  refresh(*which.line);
}

// The expected time is charged at once and put right at the end, so that calls that run side by
// side count while they run.
void schedule::begin_run(scheduled& which) noexcept {
  lane& line = *which.line;
  ++line.running_;
  which.charged = std::max(line.expected_run_, unknown_run);
  line.used_ += which.charged;
  refresh(line);
}

scheduled* schedule::take_next(time_point now) noexcept {
  while (!ready_.empty()) {
    lane& line = *ready_.begin();
    scheduled& next = line.queue_.front();
    if (next.due <= now) {
      withdraw(next);
      continue;
    }
    // What is taken out of turn says nothing of how far the others are.
    reached_ = std::max(reached_, line.used_);
    leave_queue(next);
    begin_run(next);
    return &next;
  }
  return nullptr;
}

void schedule::take(scheduled& which) noexcept {
  leave_queue(which);
  begin_run(which);
}

void schedule::leave(scheduled& which) noexcept {
  ++which.line->away_;
  refresh(*which.line);
}

void schedule::come_back(scheduled& which) noexcept {
  --which.line->away_;
  refresh(*which.line);
}

void schedule::note_end(scheduled& which, duration run_time) noexcept {
  lane& line = *which.line;
  line.used_ += run_time - which.charged;
  line.expected_run_ =
      line.expected_run_ == duration{0} ? run_time : (line.expected_run_ * 7 + run_time) / 8;
  --line.running_;
  refresh(line);
}

void schedule::set_due(scheduled& which, time_point due) noexcept {
  if (which.due_hook.is_linked()) times_.erase(times_.iterator_to(which));
  which.due = due;
  // Most calls have the same timeout, so that the last to come is the last to be due.
  if (due != never) times_.insert(times_.end(), which);
}

scheduled* schedule::take_due(time_point now) noexcept {
  if (times_.empty() || times_.begin()->due > now) return nullptr;
  scheduled& found = *times_.begin();
  set_due(found, never);
  return &found;
}

}  // namespace modal::detail
