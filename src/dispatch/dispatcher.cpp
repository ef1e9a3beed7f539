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

void dispatcher::start() {
  // A function that ignores its stop token outlives the dispatcher, so its thread owns the core.
  core_->workers.start(core_->config.threads, "modal-worker", [core = core_] { core->work(); });
  if (core_->config.keeper == housekeeping::own_thread)
    core_->housekeeper = std::thread([core = core_] { core->keep_house(); });
  const std::scoped_lock lock(core_->mutex);
  core_->started = true;
}

result<ticket> dispatcher::admit(call_head head, encoding how, std::optional<std::size_t> body_size,
                                 body_state body, principal_ptr caller) {
  return core_->admit(std::move(head), how, body_size, body, std::move(caller));
}

std::optional<error> dispatcher::refusal(const call_head& head, encoding how,
                                         std::optional<std::size_t> body_size) const {
  return core_->refusal(head, how, body_size);
}

result<bool> dispatcher::request_memory(ticket& held, std::size_t total,
                                        std::function<void()> resume) {
  return core_->request_memory(*held.call_, total, std::move(resume));
}

call_ptr dispatcher::submit(ticket admitted, buffer body, std::shared_ptr<call_sink> sink) {
  return core_->submit(std::move(admitted.call_), std::move(body), std::move(sink));
}

bool dispatcher::run_here(call& which) { return core_->run_here(which); }
void dispatcher::cancel(call& which) { core_->cancel(which); }
std::function<void()> dispatcher::canceller(call_ptr which) const {
  return [weak = std::weak_ptr(core_), which = std::move(which)] {
    if (const auto core = weak.lock()) core->cancel(*which);
  };
}

time_point dispatcher::expire() { return core_->expire(); }

void dispatcher::drain() {
  const std::scoped_lock lock(core_->mutex);
  core_->draining = true;
}

void dispatcher::hurry() {
  const std::scoped_lock lock(core_->mutex);
  core_->hurried = true;
  core_->quiet.notify_all();
}

std::size_t dispatcher::stop(std::chrono::nanoseconds grace, std::chrono::nanoseconds patience) {
  {
    std::unique_lock lock(core_->mutex);
    core_->draining = true;
    core_->is_awaited.store(true);
    core_->quiet.wait_until(lock, saturating_add(std::chrono::steady_clock::now(), grace),
                            [this] { return core_->undelivered.load() == 0 || core_->hurried; });
  }
  core_->stop_remaining();
  const std::size_t left_behind =
      core_->workers.join_for(patience, [this] { return core_->busy.load(); });
  // All functions have returned, or never will: so have their stop callbacks.
  {
    const std::scoped_lock lock(core_->mutex);
    core_->finished = true;
    core_->house_call.notify_all();
  }
  if (core_->housekeeper.joinable()) core_->housekeeper.join();
  return left_behind;
}

const catalog& dispatcher::functions() const noexcept { return core_->functions; }
const modal::limits& dispatcher::bounds() const noexcept { return core_->config.bounds; }

bool dispatcher::draining() const {
  const std::scoped_lock lock(core_->mutex);
  return core_->draining;
}

std::size_t dispatcher::body_limit(encoding how) const noexcept { return core_->body_limit(how); }

dispatcher_snapshot dispatcher::snapshot() const {
  const std::scoped_lock lock(core_->mutex);
  const dispatcher_core& core = *core_;
  dispatcher_snapshot now;
  now.functions.reserve(core.served.size());
  for (const auto& [name, each] : core.served)
    now.functions.push_back({each.descriptor, each.waiting, each.line.running(), each.metrics});
  now.unknown_functions = core.unknown_functions;
  now.admitted = core.admitted;
  now.refused = core.refused;
  now.succeeded = core.succeeded;
  now.failed = core.failed;
  now.waiting = core.waiting;
  now.running = core.running;
  now.bytes_in_flight = core.memory.used();
  now.draining = core.draining;
  return now;
}

}  // namespace modal::detail
