// SPDX-License-Identifier: Apache-2.0
#include "executor/entered_call.hpp"

#include <modal/function/device_transfer.hpp>

#include "http1/body_assembler.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace modal::detail {
namespace {

constexpr std::size_t slow_to_free = 4 << 20;

// What has memory of its own on its way to a device is never packed with others there.
static_assert(body_assembler::large_segment >= device_uploads::large);

}  // namespace

connection_fsm::terms entered_call::terms() const {
  return {
      .deadline = ticket_->deadline,
      .most_bytes = std::min(calls_.body_limit(ticket_->encoding), calls_.bounds().bytes_in_flight),
      .is_payload = ticket_->encoding == encoding::binary};
}

result<bool> entered_call::ask_memory(std::size_t total, std::function<void()> resume) {
  return calls_.request_memory(ticket_, total, std::move(resume));
}

result<std::span<std::byte>> entered_call::find_room(const segment_part& due,
                                                     std::function<void()> resume) {
  try {
    if (segments_ == nullptr) segments_ = calls_.make_segment_memory(ticket_);
    return segments_->find_room(due, std::move(resume));
  } catch (const std::bad_alloc&) {
    return error(errc::queue_full, "no memory for the call's body");
  }
}

void entered_call::submit(incoming_body body, std::shared_ptr<call_sink> sink) {
  body.keep(std::move(segments_));
  call_ = calls_.submit(std::move(ticket_), std::move(body), std::move(sink), submitter::goes_back);
}

void entered_call::cancel() {
  if (call_ != nullptr) calls_.cancel(*call_);
}

void entered_call::lose() {
  if (call_ != nullptr) calls_.lose(*call_);
}

void entered_call::give_up(errc why) noexcept {
  segments_.reset();
  ticket_.give_up(why);
}

void entered_call::end_result(payload& result, std::shared_ptr<const void>& memory) noexcept {
  if (!result.holds_objects() && result.wire_size() < slow_to_free) return;
  auto last = result.take_kept();
  try {
    last.push_back(std::move(memory));  // it is held until then
  } catch (const std::bad_alloc&) {
  }
  calls_.end_aside(std::move(last));
}

}  // namespace modal::detail
