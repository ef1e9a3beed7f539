// SPDX-License-Identifier: Apache-2.0
#include <modal/function/context.hpp>
#include <modal/function/worker_seat.hpp>

namespace modal {
namespace {

thread_local const call_context* current_call = nullptr;
thread_local detail::worker_seat* current_seat = nullptr;

}  // namespace

void call_context::log(log_level level, std::string_view message) const {
  log_record record{.level = level,
                    .time = std::chrono::system_clock::now(),
                    .message = message,
                    .function = state_.function,
                    .call = state_.id,
                    .fields = {}};
  if (state_.sink != nullptr && *state_.sink)
    (*state_.sink)(record);
  else
    log_to_stderr()(record);
}

const call_context& this_call() noexcept {
  static const call_context outside{call_context::state{}};
  return current_call != nullptr ? *current_call : outside;
}

detail::call_scope::call_scope(const call_context& context) noexcept : previous_(current_call) {
  current_call = &context;
}

detail::call_scope::~call_scope() { current_call = previous_; }

detail::worker_seat* detail::this_seat() noexcept { return current_seat; }

detail::seat_scope::seat_scope(worker_seat& seat) noexcept : previous_(current_seat) {
  current_seat = &seat;
}

detail::seat_scope::~seat_scope() { current_seat = previous_; }

}  // namespace modal
