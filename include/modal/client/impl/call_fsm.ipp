// SPDX-License-Identifier: Apache-2.0
#include <modal/client/call_fsm.hpp>

#include <algorithm>
#include <random>
#include <utility>

namespace modal {
namespace {

constexpr duration longest_delay = std::chrono::seconds{5};

error late() { return {errc::deadline_exceeded, "the caller's timeout passed"}; }

}  // namespace

call_fsm::call_fsm(const call_options& options, time_point deadline, std::uint64_t seed) noexcept
    : lost_(options.lost),
      retries_(options.retries),
      base_delay_(std::min(saturated(options.retry_delay), longest_delay)),
      deadline_(deadline),
      random_(seed) {}

call_fsm::action call_fsm::start(time_point now) { return on_wake(now); }

call_fsm::action call_fsm::on_wake(time_point now) {
  if (now >= deadline_) return {.reason = late()};
  ++attempt_;
  return {.what = action::kind::send};
}

call_fsm::action call_fsm::on_answer() { return {}; }

call_fsm::action call_fsm::on_failure(error reason, attempt_progress progress, time_point now) {
  if (!may_retry(reason, progress)) return {.reason = std::move(reason)};
  const duration wait = std::max(draw_delay(), saturated(reason.details().retry_after));
  const time_point until = saturating_add(now, wait);
  // Waiting for a moment when the call is already over would only hide what went wrong.
  if (until >= deadline_) return {.reason = std::move(reason)};
  return {.what = action::kind::wait, .until = until};
}

call_fsm::action call_fsm::on_deadline() { return {.reason = late()}; }

call_fsm::action call_fsm::on_cancel() {
  return {.reason = {errc::cancelled, "cancelled by the caller"}};
}

bool call_fsm::may_retry(const error& reason, attempt_progress progress) const noexcept {
  if (attempt_ > retries_) return false;
  // A function that lacked memory on a device may have done something before that.
  if (reason == errc::device_out_of_memory) return false;
  if (reason == condition::retry_later) return true;
  if (reason == condition::reconnect)
    return progress == attempt_progress::not_sent || lost_ == on_lost::repeat;
  return false;
}

duration call_fsm::draw_delay() noexcept {
  // Full jitter: clients that failed together do not come back together.
  const int doublings = std::min(attempt_ - 1, 20);
  const duration ceiling = std::min(longest_delay, base_delay_ * (std::int64_t{1} << doublings));
  std::minstd_rand generate(static_cast<std::minstd_rand::result_type>(random_ >> 16) + 1U);
  generate.discard(static_cast<unsigned>(attempt_));
  return duration(std::uniform_int_distribution<duration::rep>(0, ceiling.count())(generate));
}

}  // namespace modal
