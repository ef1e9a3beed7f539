// SPDX-License-Identifier: Apache-2.0
#include "dispatch/dispatcher.hpp"

#include "dispatch/dispatcher_core.hpp"

#include <utility>

namespace modal::detail {

ticket& ticket::operator=(ticket&& other) noexcept {
  if (this == &other) return *this;
  give_up(errc::cancelled);
  core_ = other.core_;
  call_ = std::move(other.call_);
  return *this;
}

ticket::~ticket() { give_up(errc::cancelled); }

void ticket::give_up(errc why) noexcept {
  if (call_ == nullptr) return;
  core_->withdraw(*call_, why);
  call_.reset();
}

dispatcher::dispatcher(const catalog& functions, dispatcher_config config)
    : core_(std::make_shared<dispatcher_core>(functions, std::move(config))) {}

dispatcher::~dispatcher() { stop({}, {}); }

void dispatcher::start() { core_->start(); }

result<ticket> dispatcher::admit(call_head head, encoding how, std::optional<std::size_t> body_size,
                                 body_state body, principal_ptr caller, served_function* known) {
  return core_->admit(std::move(head), how, body_size, body, std::move(caller), known);
}

std::optional<error> dispatcher::refusal(const call_head& head, encoding how,
                                         std::optional<std::size_t> body_size) const {
  return core_->refusal(head, how, body_size);
}

result<bool> dispatcher::request_memory(ticket& held, std::size_t total,
                                        std::function<void()> resume) {
  return core_->request_memory(*held.call_, total, std::move(resume));
}

std::unique_ptr<segment_memory> dispatcher::make_segment_memory(const ticket& held) {
  return core_->make_segment_memory(*held.call_);
}

void dispatcher::end_aside(std::vector<std::shared_ptr<const void>> last) noexcept {
  core_->end_aside(std::move(last));
}

call_ptr dispatcher::submit(ticket admitted, incoming_body body, std::shared_ptr<call_sink> sink,
                            submitter who) {
  return core_->submit(std::move(admitted.call_), std::move(body), std::move(sink), who);
}

bool dispatcher::run_here(call& which) { return core_->run_here(which); }
void dispatcher::cancel(call& which) { core_->cancel(which); }
void dispatcher::lose(call& which) { core_->lose(which); }
std::function<void()> dispatcher::canceller(call_ptr which) const {
  return [weak = std::weak_ptr(core_), which = std::move(which)] {
    if (const auto core = weak.lock()) core->cancel(*which);
  };
}

time_point dispatcher::expire() { return core_->expire(); }

void dispatcher::drain() { core_->drain(); }
void dispatcher::hurry() { core_->hurry(); }

std::size_t dispatcher::stop(std::chrono::nanoseconds grace, std::chrono::nanoseconds patience) {
  return core_->stop(grace, patience);
}

const catalog& dispatcher::functions() const noexcept { return core_->functions(); }
const modal::limits& dispatcher::bounds() const noexcept { return core_->bounds(); }
void dispatcher::look_at_devices(dispatcher_snapshot& now) const { core_->look_at_devices(now); }

bool dispatcher::draining() const { return core_->is_draining(); }
std::size_t dispatcher::body_limit(encoding how) const noexcept { return core_->body_limit(how); }
dispatcher_snapshot dispatcher::snapshot() const { return core_->snapshot(); }

}  // namespace modal::detail
