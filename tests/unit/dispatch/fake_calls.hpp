// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/function/catalog.hpp>
#include <modal/function/context.hpp>
#include <modal/function/worker_seat.hpp>

#include "dispatch/dispatcher.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <stdexcept>
#include <string>
#include <support/catch.hpp>
#include <thread>

// Functions made by hand, a clock that stands still, and sinks that count: what the tests of the
// executor's core use in place of compiled functions, time and connections.
namespace test {

using namespace std::chrono_literals;
using namespace modal;
using namespace modal::detail;

class fake_clock final : public modal::clock {
 public:
  [[nodiscard]] time_point now() const noexcept override {
    return time_point(time_point::duration(now_.load()));
  }
  void advance(std::chrono::nanoseconds by) { now_ += by.count(); }

 private:
  std::atomic<std::int64_t> now_{1'000'000'000'000};
};

// Where blocked functions wait, so that tests need no sleeps. One for all, reset by each case.
class gate {
 public:
  void enter(const std::stop_token& stop = {}) {
    const std::stop_callback wake(stop, [this] {
      const std::scoped_lock lock(mutex_);
      changed_.notify_all();
    });
    std::unique_lock lock(mutex_);
    ++entered_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_ || stop.stop_requested(); });
    if (stop.stop_requested()) ++stopped_;
    ++left_;
    changed_.notify_all();
  }
  bool wait_entered(int count) {
    return wait([&] { return entered_ >= count; });
  }
  bool wait_left(int count) {
    return wait([&] { return left_ >= count; });
  }
  void open() {
    const std::scoped_lock lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  bool has_entered(int count) {
    const std::scoped_lock lock(mutex_);
    return entered_ >= count;
  }
  int stopped() {
    const std::scoped_lock lock(mutex_);
    return stopped_;
  }
  void reset() {
    const std::scoped_lock lock(mutex_);
    open_ = false;
    entered_ = left_ = stopped_ = 0;
  }

 private:
  template <class Condition>
  bool wait(Condition condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 30s, condition);
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int entered_ = 0;
  int left_ = 0;
  int stopped_ = 0;
};

inline gate& the_gate() {
  static gate instance;
  return instance;
}
inline fake_clock*& the_clock() {
  static fake_clock* instance = nullptr;
  return instance;
}

struct bad_pixel : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline const function_signature& bytes_signature() {
  static const auto made = make_signature({{.kind = kind::blob}}, {.kind = kind::blob});
  return made;
}

inline void put(invocation& call, bytes_view bytes) {
  call.at = invocation::stage::encode;
  if (call.encoding == encoding::json) {
    call.json.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  } else if (!bytes.empty()) {
    std::memcpy(call.result.extend(bytes.size()), bytes.data(), bytes.size());
  }
  call.at = invocation::stage::done;
}

namespace functions {

inline void echo(invocation& call) {
  call.at = invocation::stage::run;
  put(call, call.body);
}
inline void wait(invocation& call) {
  call.at = invocation::stage::run;
  the_gate().enter(this_call().stop_token());
  if (this_call().stop_token().stop_requested()) throw std::runtime_error("stopped");
  put(call, call.body);
}
inline void ignore(invocation& call) {
  call.at = invocation::stage::run;
  the_gate().enter();
  put(call, call.body);
}
// Does what the test says, as a function that calls others does.
inline std::function<void()>& the_errand() {
  static std::function<void()> instance;
  return instance;
}
inline void run_errand(invocation& call) {
  call.at = invocation::stage::run;
  if (call.body.empty()) the_errand()();
  put(call, call.body);
}
// Waits as a function does that waits for a call of its own.
inline void away(invocation& call) {
  call.at = invocation::stage::run;
  {
    const away_from_seat resting;
    the_gate().enter();
  }
  put(call, call.body);
}
// Is asked to stop, and blocks in its own stop callback.
inline void block_stop(invocation& call) {
  call.at = invocation::stage::run;
  std::promise<void> asked;
  const std::stop_callback blocking(this_call().stop_token(), [&asked] {
    asked.set_value();
    the_gate().enter();
  });
  asked.get_future().wait();
  put(call, call.body);
}
inline void slow(invocation& call) {
  call.at = invocation::stage::run;
  if (the_clock() != nullptr) the_clock()->advance(10s);
  put(call, call.body);
}
inline void throw_pixel(invocation& call) {
  call.at = invocation::stage::run;
  throw bad_pixel("pixel 7 is bad");
}
// Fails when its deadline is over, but nobody has noticed yet.
inline void late(invocation& call) {
  call.at = invocation::stage::run;
  the_clock()->advance(10s);
  throw bad_pixel("late");
}
inline void throw_int(invocation& call) {
  call.at = invocation::stage::run;
  throw 42;
}
inline void throw_remote(invocation& call) {
  call.at = invocation::stage::run;
  throw call_error(error(errc::queue_full, "another executor was busy"));
}
inline void throw_memory(invocation& call) {
  call.at = invocation::stage::run;
  throw std::bad_alloc();
}
inline void decode_fails(invocation&) {
  throw call_error(error(errc::malformed_payload, "argument 1: the bytes end early"));
}
inline void decode_too_large(invocation&) {
  throw call_error(error(errc::too_large, "too many elements"));
}
inline void decode_throws(invocation&) { throw std::logic_error("a load function threw"); }
inline void encode_throws(invocation& call) {
  call.at = invocation::stage::encode;
  throw std::logic_error("a save function threw");
}
inline void encode_fails(invocation& call) {
  call.at = invocation::stage::encode;
  throw call_error(error(errc::result_too_large, "too deep"));
}
inline void big(invocation& call) {
  call.at = invocation::stage::encode;
  const std::string bytes(2000, 'x');
  put(call, std::as_bytes(std::span(bytes)));
}
// Fails until the attempt that its body names.
inline void stubborn(invocation& call) {
  call.at = invocation::stage::run;
  if (this_call().attempt() < std::to_integer<int>(call.body[0])) throw bad_pixel("not yet");
  put(call, call.body);
}

}  // namespace functions

/// A run that is all done in its first step.
template <void (*Body)(invocation&)>
class whole_run final : public function_run {
  void read_arguments(invocation& call) override { Body(call); }
  void call_function(invocation& /*call*/) override {}
  void write_result(invocation& /*call*/) override {}
};

inline std::atomic<int> results_written{0};

/// A run whose function waits at the gate, and whose result is written in a step of its own.
class gated_run final : public function_run {
  void read_arguments(invocation& /*call*/) override {}
  void call_function(invocation& /*call*/) override { the_gate().enter(); }
  void write_result(invocation& call) override {
    ++results_written;
    put(call, call.body);
  }
};

template <class Run>
function_descriptor describe_run(std::string name, function_options options = {}) {
  return {.name = std::move(name),
          .signature = &bytes_signature,
          .prepare = [](run_slot& where) -> function_run& { return where.emplace<Run>(); },
          .options = options,
          .file = "here.cpp",
          .line = 1};
}

template <void (*Body)(invocation&)>
function_descriptor describe(std::string name, function_options options = {}) {
  return describe_run<whole_run<Body>>(std::move(name), options);
}

inline catalog some_functions() {
  catalog made;
  namespace f = functions;
  const auto add = [&made](function_descriptor entry) {
    REQUIRE(made.add(std::move(entry)).has_value());
  };
  add(describe<f::echo>("test::echo"));
  add(describe_run<gated_run>("test::gated"));
  add(describe<f::run_errand>("test::errand"));
  add(describe<f::run_errand>("test::errand_alone", {.max_concurrent = 1}));
  add(describe<f::wait>("test::alone", {.max_concurrent = 1}));
  add(describe<f::wait>("test::wait", {.max_concurrent = 100}));
  add(describe<f::wait>("test::linger", {.max_concurrent = 100, .linger = true}));
  add(describe<f::wait>("test::modest"));
  add(describe<f::wait>("test::short", {.timeout = 100ms}));
  add(describe<f::ignore>("test::ignore"));
  add(describe<f::away>("test::away", {.max_concurrent = 8}));
  add(describe<f::away>("test::resting"));
  add(describe<f::block_stop>("test::block_stop"));
  add(describe<f::slow>("test::slow"));
  add(describe<f::throw_pixel>("test::throw_pixel"));
  add(describe<f::throw_int>("test::throw_int"));
  add(describe<f::throw_remote>("test::throw_remote"));
  add(describe<f::throw_memory>("test::throw_memory"));
  add(describe<f::decode_fails>("test::decode_fails"));
  add(describe<f::decode_too_large>("test::decode_too_large"));
  add(describe<f::decode_throws>("test::decode_throws"));
  add(describe<f::encode_throws>("test::encode_throws"));
  add(describe<f::encode_fails>("test::encode_fails"));
  add(describe<f::big>("test::big"));
  add(describe<f::stubborn>("test::stubborn", {.retries = 3, .retry_delay = 0ms}));
  add(describe<f::late>("test::late", {.timeout = 5s, .retries = 3, .retry_delay = 0ms}));
  add(describe<f::stubborn>("test::patient", {.retries = 2, .retry_delay = 1000ms}));
  add(describe<f::echo>("test::quick", {.run = run_on::io}));
  add(describe<f::throw_pixel>("test::quick_failure", {.run = run_on::io}));
  add(describe<f::stubborn>("test::quick_stubborn",
                            {.retries = 3, .retry_delay = 0ms, .run = run_on::io}));
  add(describe<f::slow>("test::quick_slow", {.run = run_on::io}));
  add(describe<f::wait>("test::narrow", {.max_queue = 2, .max_concurrent = 100}));
  return made;
}

// One answer, copied.
struct outcome {
  std::optional<error> failure;
  std::string bytes;  ///< the envelope, or the JSON text
  executor_report report;

  [[nodiscard]] bool is(errc value) const { return failure && *failure == value; }
};

class counting_sink final : public call_sink {
 public:
  void on_answer(const call_answer& answer) noexcept override {
    if (++count_ != 1) return;
    outcome copy;
    copy.report = answer.report;
    if (answer.failure != nullptr) copy.failure = *answer.failure;
    if (answer.binary != nullptr) {
      const auto envelope = answer.binary->envelope();
      copy.bytes.assign(reinterpret_cast<const char*>(envelope.data()), envelope.size());
    }
    if (answer.json != nullptr) copy.bytes = *answer.json;
    promise_.set_value(std::move(copy));
  }
  bool is_answered() { return future_.wait_for(0s) == std::future_status::ready; }
  outcome get() {
    REQUIRE(future_.wait_for(30s) == std::future_status::ready);
    return future_.get();
  }
  [[nodiscard]] int count() const { return count_; }

 private:
  std::atomic<int> count_{0};
  std::promise<outcome> promise_;
  std::shared_future<outcome> future_ = promise_.get_future().share();
};

inline call_head head_of(std::string function) {
  call_head head;
  head.function = std::move(function);
  head.signature = bytes_signature().id;
  return head;
}

inline call_head named(std::string function, call_id id) {
  call_head head = head_of(std::move(function));
  head.id = id;
  return head;
}

inline call_head repeating(std::string function, call_id id) {
  call_head head = named(std::move(function), id);
  head.repeats = true;
  return head;
}

// A clock that outlives functions which are left behind.
inline fake_clock& lasting_clock() {
  static std::deque<fake_clock> all;
  return all.emplace_back();
}

// A dispatcher with a clock in the test's hand.
struct bench {
  explicit bench(dispatcher_config config = {.threads = 1})
      : calls(some_functions(), with_clock(std::move(config))) {
    the_gate().reset();
    the_clock() = &clock;
  }
  ~bench() {
    the_gate().open();
    calls.stop(0s, 30s);
    the_clock() = nullptr;
  }

  struct started {
    call_ptr call;
    std::shared_ptr<counting_sink> sink;
    outcome get() const { return sink->get(); }
  };

  buffer body_of(const std::string& bytes) {
    buffer made = pool.take(bytes.size());
    std::memcpy(made.data(), bytes.data(), bytes.size());
    return made;
  }
  result<ticket> admit(const std::string& function, std::size_t size = 0) {
    return calls.admit(head_of(function), encoding::binary, size);
  }
  started call(call_head head, const std::string& bytes = "abc", encoding how = encoding::binary) {
    auto admitted = calls.admit(std::move(head), how, bytes.size());
    if (!admitted) INFO(admitted.error().message());
    REQUIRE(admitted.has_value());
    auto sink = std::make_shared<counting_sink>();
    auto running = calls.submit(*std::move(admitted), body_of(bytes), sink);
    return {running, sink};
  }
  started call(const std::string& function, const std::string& bytes = "abc") {
    return call(head_of(function), bytes);
  }

  /// Waits until `condition` holds for the books.
  template <class Condition>
  bool reaches(Condition condition) {
    const auto until = std::chrono::steady_clock::now() + 30s;
    while (!condition(calls.snapshot())) {
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::yield();
    }
    return true;
  }

  fake_clock& clock = lasting_clock();
  buffer_pool pool;
  dispatcher calls;

 private:
  dispatcher_config with_clock(dispatcher_config config) {
    config.time = &clock;
    config.keeper = housekeeping::by_hand;
    return config;
  }
};

/// Checks that nothing is under way after `begun` calls.
inline void check_rests(bench& b, std::uint64_t begun) {
  const auto now = b.calls.snapshot();
  CHECK(now.waiting == 0);
  CHECK(now.running == 0);
  CHECK(now.bytes_in_flight == 0);
  CHECK(now.admitted == begun);
  CHECK(now.succeeded + now.failed == begun);
}

}  // namespace test
