// SPDX-License-Identifier: Apache-2.0
#include <modal/base/insist.hpp>
#include <modal/client/async_call.hpp>
#include <modal/client/connection_pool.hpp>

#include <algorithm>
#include <new>

namespace modal::detail {
namespace {

time_point steady_now() noexcept { return std::chrono::steady_clock::now(); }

// Ends all calls, on the reactor's thread.
class ender final : public reactor::target {
 public:
  explicit ender(driver_state& state) : state_(state) {}

  void on_posted() override {
    state_.is_ending = true;
    if (const auto first = std::exchange(state_.hooks.before, nullptr)) first();
    while (!state_.running.empty()) state_.running.front().abort_cancelled();
    if (const auto last = std::exchange(state_.hooks.after, nullptr)) last();
  }
  void on_ready() override {}
  void on_time() override {}
  void on_error(const char*) noexcept override {}

 private:
  driver_state& state_;
};

}  // namespace

async_call::async_call(std::shared_ptr<driver_state> driver, const outgoing_call& outgoing,
                       const client_config& config, std::shared_ptr<answer_sink> sink)
    : driver_(std::move(driver)), run_(outgoing, config, steady_now()), sink_(std::move(sink)) {}
async_call::~async_call() = default;

void async_call::begin() {
  const bool is_here =
      begins_here(run_.arguments_size()) && !driver_->events.is_this_thread() && begin_here();
  begun_.store(true);
  if (is_here) return;
  try {
    driver_->events.post(shared_from_this());
  } catch (const std::bad_alloc&) {
    sink_.reset();  // which may own this
    throw;
  }
}

// Sends, as far as that goes without waiting, while the reactor's thread does what only it can.
// Returns whether the reactor knows of it. It is told before anything is sent, and need not be
// woken for it: the answer does that, for the connection is watched.
bool async_call::begin_here() {
  const auto now = steady_now();
  first_ = run_.machine().start(now);
  if (first_->what != call_fsm::action::kind::send) return false;
  if (needs_wake()) return begin_woken();
  try {
    start_attempt(now);
    is_trying_ = is_ready_ = true;
    const interest wanted = way().wants();
    if (wanted.descriptor < 0 || !*wanted.is_watched) return false;
    beginning_.store(beginning::here);
    begun_.store(true);
    driver_->events.post(shared_from_this(), run_.deadline());
  } catch (const std::bad_alloc&) {  // the reactor's thread begins anew, and says what is wrong
    way().close();
    is_trying_ = is_ready_ = false;
    beginning_.store(beginning::over);
    return false;
  }
  try {
    is_ready_ = way().advance(now);
  } catch (const std::bad_alloc&) {  // and goes on
  }
  const bool is_out = !is_ready_ && way().reached() == attempt_progress::sent;
  const bool was_seen = beginning_.exchange(beginning::over) == beginning::here_and_seen;
  // Nobody else would go on with what has begun.
  if (was_seen || !is_out || cancel_wanted_.load())
    insist([this] { driver_->events.post(shared_from_this()); });
  return true;
}

// The same of an attempt that wakes this when there is something to do, perhaps at once: the
// reactor need not be woken before that.
bool async_call::begin_woken() {
  const auto now = steady_now();
  beginning_.store(beginning::here);
  begun_.store(true);
  try {
    start_attempt(now);
    is_trying_ = is_ready_ = true;
  } catch (const std::bad_alloc&) {
    way().close();
  }
  const bool is_told = is_trying_ && way().wakes();
  const bool was_seen = beginning_.exchange(beginning::over) == beginning::here_and_seen;
  const bool waits = is_told && !was_seen && !cancel_wanted_.load();
  insist([&] {
    driver_->events.post(shared_from_this(), waits ? run_.deadline() : time_point::min());
  });
  return true;
}

void async_call::wake() noexcept {
  insist([this] { driver_->events.post(shared_from_this()); });
}

void async_call::cancel() noexcept {
  cancel_wanted_.store(true);
  if (!begun_.load()) return;  // seen when it begins
  try {
    driver_->events.post(shared_from_this());
  } catch (const std::bad_alloc&) {  // the call goes on, and its deadline stands
  }
}

// Of a call that is over `cancel` is harmless; and its last owner may be the callback itself.
void async_call::end_with(const std::stop_token& stop) {
  if (!stop.stop_possible()) return;
  stopped_.emplace(stop, canceller{std::static_pointer_cast<async_call>(shared_from_this())});
}

void async_call::on_posted() {
  auto found = beginning::here;
  if (beginning_.compare_exchange_strong(found, beginning::here_and_seen) ||
      found == beginning::here_and_seen)
    return;  // it will be posted again
  if (is_over_) return;
  const bool is_first = !std::exchange(is_running_, true);
  if (is_first) {
    self_ = std::static_pointer_cast<async_call>(shared_from_this());
    driver_->running.push_back(*this);
  }
  if (cancel_wanted_.load() || driver_->is_ending) return abort_cancelled();
  if (!is_first) {
    if (is_trying_) step(steady_now());
  } else if (is_trying_) {
    if (is_ready_)
      step(steady_now());
    else
      watch_and_wait();
  } else {
    if (!first_) first_ = run_.machine().start(steady_now());
    perform(*std::move(first_));
  }
}

void async_call::on_ready() {
  if (const auto now = steady_now(); !end_if_late(now) && is_trying_) step(now);
}

void async_call::on_time() {
  const auto now = steady_now();
  if (end_if_late(now)) return;
  if (is_trying_)
    step(now);
  else
    perform(run_.machine().on_wake(now));
}

void async_call::on_error(const char* what) noexcept {
  if (is_over_) return;
  unwatch();
  way().close();
  try {
    finish(run_.finish(
        error(errc::connection_lost, std::string("this process broke the call off: ") + what),
        steady_now()));
  } catch (const std::bad_alloc&) {
    finish(error(make_error_code(errc::connection_lost), {}));
  }
}

void async_call::abort_cancelled() {
  unwatch();
  way().close();
  is_trying_ = false;
  perform(run_.machine().on_cancel());
}

bool async_call::end_if_late(time_point now) {
  if (is_over_) return true;
  if (now < run_.deadline()) return false;
  unwatch();
  way().close();
  is_trying_ = false;
  perform(run_.machine().on_deadline());
  return true;
}

void async_call::perform(call_fsm::action next) {
  using kind = call_fsm::action::kind;
  const auto now = steady_now();
  switch (next.what) {
    case kind::send:
      is_trying_ = true;
      start_attempt(now);
      step(now);
      return;
    case kind::wait:
      is_trying_ = false;
      driver_->events.schedule(*this, std::min(next.until, run_.deadline()));
      return;
    case kind::finish:
      finish(run_.finish(std::move(next.reason), now));
      return;
  }
}

void async_call::start_attempt(time_point now) {
  std::shared_ptr<wakeable> owner;
  if (needs_wake()) owner = std::static_pointer_cast<async_call>(shared_from_this());
  way().start(run_.make_request(now), std::move(owner), now);
}

void async_call::step(time_point now) {
  if (!way().advance(now)) return watch_and_wait();
  unwatch();
  is_trying_ = false;
  auto last = way().take(now);
  if (last.body) return finish(run_.finish(std::move(last), now));
  perform(run_.machine().on_failure(last.body.error(), last.progress, now));
}

void async_call::watch_and_wait() {
  const interest wanted = way().wants();
  if (wanted.descriptor != watched_ || wanted.serial != watched_serial_) {
    unwatch();
    if (wanted.descriptor >= 0) {
      const bool may_be_ready = driver_->events.watch(wanted.descriptor, *this, *wanted.is_watched);
      watched_ = wanted.descriptor;
      watched_serial_ = wanted.serial;
      if (may_be_ready) return step(steady_now());
    }
  }
  driver_->events.schedule(*this, std::min(wanted.until, run_.deadline()));
}

// Before anything else happens on the thread: the number may soon be another's.
void async_call::unwatch() noexcept {
  if (watched_ >= 0) driver_->events.unwatch(std::exchange(watched_, -1), *this);
}

void async_call::finish(result<incoming_answer> answer) noexcept {
  is_over_ = true;
  is_trying_ = false;
  driver_->events.schedule(*this, never);
  if (running_hook.is_linked()) driver_->running.erase(driver_->running.iterator_to(*this));
  const auto self = std::exchange(self_, nullptr);
  const auto sink = std::exchange(sink_, nullptr);
  if (sink) sink->on_answer(std::move(answer));
}

driver_state::driver_state(connection_pool* connections, polling how, driver_hooks at_end)
    : events(
          [connections](int descriptor) {
            if (connections != nullptr) connections->drop(descriptor);
          },
          how),
      hooks(std::move(at_end)) {}

async_driver::async_driver(connection_pool* connections, polling how, driver_hooks at_end)
    : connections_(connections),
      state_(std::make_shared<driver_state>(connections, how, std::move(at_end))) {
  if (connections_ != nullptr) connections_->set_epoll(state_->events.epoll());
}

void async_driver::end() noexcept {
  if (std::exchange(has_ended_, true)) return;
  const auto end_all = std::make_shared<ender>(*state_);
  if (state_->events.is_this_thread())  // in the handler of one of the calls
    end_all->on_posted();
  else
    state_->events.post(end_all);
  state_->events.stop(state_);
  if (connections_ != nullptr) connections_->set_epoll(-1);
}

}  // namespace modal::detail
