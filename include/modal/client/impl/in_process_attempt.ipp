// SPDX-License-Identifier: Apache-2.0
#include <modal/base/mutex.hpp>
#include <modal/client/in_process_attempt.hpp>
#include <modal/function/worker_seat.hpp>

#include <optional>

namespace modal::detail {

struct in_process_attempt::shared {
  explicit shared(std::shared_ptr<wakeable> whom) : owner(std::move(whom)) {}

  detail::mutex mutex;
  condition_variable arrived;
  std::optional<in_process_answer> answer MODAL_GUARDED_BY(mutex);
  std::shared_ptr<wakeable> owner MODAL_GUARDED_BY(mutex);
  bool is_interrupted MODAL_GUARDED_BY(mutex) = false;
};

void in_process_attempt::start(attempt_request request, std::shared_ptr<wakeable> owner,
                               time_point) {
  close();
  shared_ = std::make_shared<shared>(std::move(owner));
  started_ = door_.start(std::move(request.head), flatten(*request.arguments, pool_),
                         [shared = shared_](in_process_answer answer) {
                           std::shared_ptr<wakeable> whom;
                           {
                             const mutex_lock lock(shared->mutex);
                             shared->answer = std::move(answer);
                             whom = std::move(shared->owner);
                             shared->arrived.notify_one();
                           }
                           if (whom) whom->wake();
                         });
}

bool in_process_attempt::advance(time_point) {
  const mutex_lock lock(shared_->mutex);
  return shared_->answer.has_value();
}

void in_process_attempt::wait(time_point until) {
  // A function that waits for its own executor might wait for ever, if all workers did.
  if (started_ && this_seat() != nullptr && started_->run_here()) return;
  mutex_lock lock(shared_->mutex);
  while (!shared_->answer && !shared_->is_interrupted && shared_->arrived.wait_until(lock, until)) {
  }
}

// The function that is called may be what the waiting thread runs.
void in_process_attempt::interrupt() noexcept {
  if (started_) started_->cancel();
  const mutex_lock lock(shared_->mutex);
  shared_->is_interrupted = true;
  shared_->arrived.notify_one();
}

attempt_result in_process_attempt::take(time_point) {
  started_.reset();
  const auto done = std::exchange(shared_, nullptr);
  const mutex_lock lock(done->mutex);
  return {.body = std::move(done->answer->body),
          .report = done->answer->report,
          .progress = attempt_progress::sent,
          .path = path_kind::in_process};
}

void in_process_attempt::close() noexcept {
  if (shared_) {
    std::shared_ptr<wakeable> unused;  // let go of after the lock is given back
    const mutex_lock lock(shared_->mutex);
    unused = std::move(shared_->owner);
  }
  if (const auto started = std::exchange(started_, nullptr)) started->cancel();
  shared_.reset();
}

}  // namespace modal::detail
