// SPDX-License-Identifier: Apache-2.0
#include <modal/base/fork.hpp>
#include <modal/client/call_interrupter.hpp>
#include <modal/client/transport.hpp>
#include <modal/function/context.hpp>
#include <modal/function/worker_seat.hpp>

#include <algorithm>

namespace modal::detail {
namespace {

class http_call final : public async_call {
 public:
  http_call(std::shared_ptr<driver_state> driver, const outgoing_call& outgoing, http_target& to,
            std::shared_ptr<answer_sink> sink)
      : async_call(std::move(driver), outgoing, to.config, std::move(sink)), attempt_(to, true) {}

 private:
  attempt& way() noexcept override { return attempt_; }
  [[nodiscard]] bool needs_wake() const noexcept override { return false; }
  // A small request is in the socket before anybody could do that more quickly.
  [[nodiscard]] bool begins_here(std::size_t size) const noexcept override {
    return size <= most_sent_at_once;
  }

  static constexpr std::size_t most_sent_at_once = 64 << 10;
  http_attempt attempt_;
};

class session_call_run final : public async_call {
 public:
  session_call_run(std::shared_ptr<driver_state> driver, const outgoing_call& outgoing,
                   http_target& to, session_pool& sessions, std::shared_ptr<answer_sink> sink)
      : async_call(driver, outgoing, to.config, std::move(sink)),
        attempt_(to, sessions, &driver->events) {}

 private:
  attempt& way() noexcept override { return attempt_; }
  [[nodiscard]] bool needs_wake() const noexcept override { return true; }
  // Without waiting, and told by whoever reads.
  [[nodiscard]] bool begins_here(std::size_t) const noexcept override { return true; }
  session_attempt attempt_;
};

class in_process_call final : public async_call {
 public:
  in_process_call(std::shared_ptr<driver_state> driver, const outgoing_call& outgoing,
                  in_process_door& door, buffer_pool& pool, const client_config& config,
                  std::shared_ptr<answer_sink> sink)
      : async_call(std::move(driver), outgoing, config, std::move(sink)), attempt_(door, pool) {}

 private:
  attempt& way() noexcept override { return attempt_; }
  [[nodiscard]] bool needs_wake() const noexcept override { return true; }
  in_process_attempt attempt_;
};

}  // namespace

transport::transport(const client_config& config) : config_(config), born_in_(fork_count()) {}

std::optional<error> transport::check(const outgoing_call& outgoing) const {
  if (born_in_ != fork_count())
    return error(errc::bad_configuration,
                 "this client was made before fork(): the child makes a client of its own");
  const auto trace = outgoing.options.traceparent;
  if (!trace.empty() && !is_traceparent(trace))
    return error(errc::bad_configuration, "call_options::traceparent is no W3C trace context");
  if (outgoing.options.retries < 0 || outgoing.options.retry_delay.count() < 0)
    return error(errc::bad_configuration,
                 "call_options::retries and retry_delay must not be negative");
  return std::nullopt;
}

result<incoming_answer> transport::drive(const outgoing_call& outgoing, attempt& way) {
  using kind = call_fsm::action::kind;
  const auto clock = [] { return std::chrono::steady_clock::now(); };
  auto now = clock();
  call_run run(outgoing, config_, now);
  call_fsm& machine = run.machine();
  call_interrupter stop(way);
  const auto give_up = [&] {
    return run.finish({errc::cancelled, "the function that made the call was asked to stop"}, now);
  };
  if (auto wrong = check(outgoing)) return run.finish(*std::move(wrong), now);
  auto next = machine.start(now);
  for (;;) {
    if (next.what == kind::finish) return run.finish(std::move(next.reason), now);
    if (next.what == kind::wait) {
      const away_from_seat away;
      stop.rest_until(next.until);
      now = clock();
      if (stop.is_requested() && now < machine.deadline()) return give_up();
      next = machine.on_wake(now);
      continue;
    }
    if (stop.is_requested()) return give_up();
    way.start(run.make_request(now), {}, now);
    bool is_over = way.advance(now);
    if (!is_over && now < machine.deadline()) {
      const away_from_seat away;
      do {
        stop.wait(machine.deadline());
        now = clock();
        is_over = way.advance(now);
      } while (!is_over && now < machine.deadline() && !stop.is_requested());
    }
    if (!is_over) {
      way.close();
      if (now < machine.deadline()) return give_up();
      next = machine.on_deadline();
      continue;
    }
    auto last = way.take(now);
    if (last.body) return run.finish(std::move(last), now);
    next = machine.on_failure(last.body.error(), last.progress, now);
  }
}

std::shared_ptr<pending_call> transport::prepare(const outgoing_call& outgoing,
                                                 std::shared_ptr<answer_sink> sink) {
  if (const auto wrong = check(outgoing)) throw_error(*wrong);
  std::shared_ptr<driver_state> driver;
  {
    const mutex_lock lock(driver_mutex_);
    if (!driver_)
      driver_ = std::make_unique<async_driver>(
          connections(), config_.poll,
          driver_hooks{.before = [this] { fall_silent(); }, .after = [this] { end_watch(); }});
    driver = driver_->state();
  }
  auto made = make_call(outgoing, std::move(sink), std::move(driver));
  made->end_with(this_call().stop_token());
  return made;
}

void transport::stop_driver() noexcept {
  // The thread stayed with the parent: there is nothing to join.
  if (born_in_ != fork_count()) (void)driver_.release();
  // It stays while handlers run, which may begin other calls: those are cancelled too.
  if (driver_) driver_->end();
  driver_.reset();
}

http_transport::http_transport(endpoint where, const client_config& config)
    : transport(config),
      target_(std::move(where), config),
      sessions_({.where = &target_.where, .config = &target_.config, .pool = &target_.pool}) {}
http_transport::~http_transport() { stop_driver(); }

result<incoming_answer> http_transport::call(const outgoing_call& outgoing) {
  if (config().session) {
    session_attempt attempt(target_, sessions_, nullptr);
    return drive(outgoing, attempt);
  }
  http_attempt attempt(target_, false);
  return drive(outgoing, attempt);
}

std::shared_ptr<async_call> http_transport::make_call(const outgoing_call& outgoing,
                                                      std::shared_ptr<answer_sink> sink,
                                                      std::shared_ptr<driver_state> driver) {
  if (config().session)
    return std::make_shared<session_call_run>(std::move(driver), outgoing, target_, sessions_,
                                              std::move(sink));
  return std::make_shared<http_call>(std::move(driver), outgoing, target_, std::move(sink));
}

in_process_transport::in_process_transport(in_process_door& door, const client_config& config)
    : transport(config), door_(door) {}
in_process_transport::~in_process_transport() { stop_driver(); }

result<incoming_answer> in_process_transport::call(const outgoing_call& outgoing) {
  in_process_attempt attempt(door_, pool_);
  return drive(outgoing, attempt);
}

std::shared_ptr<async_call> in_process_transport::make_call(const outgoing_call& outgoing,
                                                            std::shared_ptr<answer_sink> sink,
                                                            std::shared_ptr<driver_state> driver) {
  return std::make_shared<in_process_call>(std::move(driver), outgoing, door_, pool_, config(),
                                           std::move(sink));
}

}  // namespace modal::detail
