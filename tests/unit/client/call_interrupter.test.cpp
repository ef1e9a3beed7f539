// SPDX-License-Identifier: Apache-2.0
#include <modal/client/call_interrupter.hpp>
#include <modal/function/context.hpp>

#include "support/catch.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>

using namespace modal::detail;

namespace {

/// Waits until it is interrupted.
class patient_attempt final : public attempt {
 public:
  void start(attempt_request, std::shared_ptr<wakeable>, modal::time_point) override {}
  bool advance(modal::time_point) override { return false; }
  [[nodiscard]] interest wants() const noexcept override { return {}; }
  void wait(modal::time_point until) override {
    std::unique_lock lock(mutex_);
    ++waits;
    changed_.notify_all();
    changed_.wait_until(lock, until, [&] { return interrupts != 0; });
  }
  void allow_interrupts() override { ++allowed; }
  void interrupt() noexcept override {
    const std::lock_guard lock(mutex_);
    ++interrupts;
    changed_.notify_all();
  }
  attempt_result take(modal::time_point) override {
    return {.body = modal::error(modal::errc::cancelled)};
  }
  void close() noexcept override {}
  [[nodiscard]] modal::attempt_progress reached() const noexcept override {
    return modal::attempt_progress::not_sent;
  }

  void await_wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waits != 0; });
  }

  int waits = 0, interrupts = 0, allowed = 0;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
};

/// A call that is served on this thread.
struct served_call {
  served_call() : context(state_of(stop)), scope(context) {}
  static modal::call_context::state state_of(lazy_stop& stop) {
    modal::call_context::state state;
    state.stop = &stop;
    return state;
  }
  void ask_to_stop() {
    if (auto source = stop.request()) source->request_stop();
  }

  lazy_stop stop;
  modal::call_context context;
  call_scope scope;
};

}  // namespace

TEST_CASE("call_interrupter: outside of functions it only waits", "[client][call_interrupter]") {
  patient_attempt way;
  call_interrupter stop(way);
  stop.wait(modal::time_point::min());
  stop.rest_until(modal::time_point::min());
  CHECK(way.waits == 1);
  CHECK(way.allowed == 0);
  CHECK_FALSE(stop.is_requested());
}

TEST_CASE("call_interrupter: ends the wait that is under way, and begins no other",
          "[client][call_interrupter]") {
  served_call call;
  patient_attempt way;
  call_interrupter stop(way);
  CHECK(way.allowed == 1);
  std::thread asking([&] {
    way.await_wait();
    call.ask_to_stop();
  });
  stop.wait(modal::never);
  asking.join();
  CHECK(stop.is_requested());
  CHECK(way.interrupts == 1);
  stop.wait(modal::never);
  CHECK(way.waits == 1);
}

TEST_CASE("call_interrupter: ends a rest, and begins none", "[client][call_interrupter]") {
  served_call call;
  patient_attempt way;
  call_interrupter stop(way);
  std::thread asking([&] { call.ask_to_stop(); });  // before, or while, the other one sleeps
  stop.rest_until(modal::never);
  asking.join();
  CHECK(stop.is_requested());
  CHECK(way.interrupts == 0);  // nobody waited for it
  stop.rest_until(modal::never);
}

TEST_CASE("call_interrupter: knows what was asked before", "[client][call_interrupter]") {
  served_call call;
  call.ask_to_stop();
  patient_attempt way;
  call_interrupter stop(way);
  CHECK(stop.is_requested());
  stop.wait(modal::never);
  CHECK(way.waits == 0);
}
