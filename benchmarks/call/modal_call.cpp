// SPDX-License-Identifier: Apache-2.0
//
// modal as its README shows it: an executor and a client, each with its defaults (but a quiet log).
// The function that takes the numbers sees them where they arrived. Built three times, with a
// client for each connection that the case asks for:
//
//     bench_call_modal       over plain HTTP, where each call in flight has a connection to itself
//     bench_call_session     BENCH_SESSION=1: on sessions
//     bench_call_session_io  BENCH_RUN=io: the same, of functions that run where they are read

#include <modal/asio.hpp>
#include <modal/executor.hpp>
#include <modal/function.hpp>
#include <modal/modal.hpp>

#include "stack.hpp"

#include <algorithm>
#include <atomic>
#include <deque>
#include <future>
#include <stdexcept>
#include <stop_token>
#include <utility>

#ifndef BENCH_SESSION
#define BENCH_SESSION 0
#endif
#ifndef BENCH_RUN
#define BENCH_RUN worker
#endif

namespace bench_functions {

std::int32_t add(std::int32_t a, std::int32_t b) { return a + b; }
std::int64_t take(std::int32_t more, std::span<const float> numbers) {
  return more + bench::digest(numbers);
}
std::vector<float> echo(std::vector<float> numbers) { return numbers; }

std::int64_t now() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

std::atomic<std::int32_t> holds{0};
std::atomic<std::int64_t> stopped_at{0};

/// Runs until it is cancelled, and notes when it knew.
void hold(std::int32_t serial) {
  std::promise<void> stopped;
  stopped_at = 0;
  const std::stop_callback stop(modal::this_call().stop_token(), [&] {
    stopped_at = now();
    stopped.set_value();
  });
  holds = serial;
  stopped.get_future().wait();
}
/// Returns whether that call runs, or did; and when it was stopped, by the clock of this machine.
std::pair<bool, std::int64_t> look(std::int32_t serial) {
  return {holds == serial, stopped_at.load()};
}

}  // namespace bench_functions

MODAL_FUNCTION(bench_functions::add, .run = modal::run_on::BENCH_RUN)
MODAL_FUNCTION(bench_functions::take, .run = modal::run_on::BENCH_RUN)
MODAL_FUNCTION(bench_functions::echo, .run = modal::run_on::BENCH_RUN)
MODAL_FUNCTION(bench_functions::hold)
MODAL_FUNCTION(bench_functions::look)

namespace bench {
namespace {

// Over TCP they stay there.
const modal::client_config settings{.session = BENCH_SESSION != 0, .local = false};

class modal_connection final : public connection {
 public:
  explicit modal_connection(std::shared_ptr<modal::client> client) : client_(std::move(client)) {}

  std::int32_t add(std::int32_t a, std::int32_t b) override {
    return modal::remote<bench_functions::add>.on(*client_)(a, b);
  }

  std::int64_t send(std::span<const float> numbers) override {
    return modal::remote<bench_functions::take>.on(*client_)(0, numbers);
  }

  std::int64_t echo(std::span<const float> numbers) override {
    return digest(modal::remote<bench_functions::echo>.on(*client_)(numbers));
  }

  // One client for both, which takes whatever connections it likes.
  std::unique_ptr<connection> beside(const std::string&) override {
    return std::make_unique<modal_connection>(client_);
  }

 private:
  std::shared_ptr<modal::client> client_;
};

using time_point = std::chrono::steady_clock::time_point;

void check(bool right) {
  if (!right) throw std::runtime_error("the server gave a wrong answer");
}

/// Completions run on the client's one I/O thread and start the next call there.
class async_flight final : public flight {
 public:
  explicit async_flight(const std::string& endpoint) : client_(endpoint, settings) {}

  void run(std::size_t calls, std::size_t in_flight,
           std::vector<std::chrono::nanoseconds>& times) override {
    times_ = &times;
    left_ = static_cast<std::int32_t>(calls);
    under_way_ = static_cast<std::int32_t>(std::min(in_flight, calls));
    over_ = {};
    auto ended = over_.get_future();
    for (std::int32_t i = under_way_.load(); i > 0; --i) start();
    check(ended.get());
  }

 private:
  // The first ones are started by another thread than the rest.
  void start() {
    const std::int32_t index = left_.fetch_sub(1);
    if (index <= 0) {
      if (under_way_.fetch_sub(1) == 1) over_.set_value(right_);
      return;
    }
    modal::async(modal::remote<bench_functions::add>.on(client_), index, 2,
                 [this, index, begun = std::chrono::steady_clock::now()](
                     boost::system::error_code failure, std::int32_t sum) {
                   if (failure || sum != index + 2) right_ = false;
                   times_->push_back(std::chrono::steady_clock::now() - begun);
                   start();
                 });
  }

  modal::client client_;
  std::vector<std::chrono::nanoseconds>* times_ = nullptr;
  std::atomic<std::int32_t> left_{0};
  std::atomic<std::int32_t> under_way_{0};
  bool right_ = true;
  std::promise<bool> over_;
};

class spawn_flight final : public flight {
 public:
  explicit spawn_flight(const std::string& endpoint) : client_(endpoint, settings) {}

  void run(std::size_t calls, std::size_t in_flight,
           std::vector<std::chrono::nanoseconds>& times) override {
    const auto add = modal::remote<bench_functions::add>.on(client_);
    struct started {
      modal::call_handle<std::int32_t> handle;
      std::int32_t index;
      time_point begun;
    };
    std::deque<started> under_way;
    const auto collect = [&] {
      check(under_way.front().handle.get() == under_way.front().index + 2);
      times.push_back(std::chrono::steady_clock::now() - under_way.front().begun);
      under_way.pop_front();
    };
    for (std::size_t i = 0; i < calls; ++i) {
      if (under_way.size() == in_flight) collect();
      const auto index = static_cast<std::int32_t>(i);
      const auto now = std::chrono::steady_clock::now();
      under_way.push_back({add.spawn(index, 2), index, now});
    }
    while (!under_way.empty()) collect();
  }

 private:
  modal::client client_;
};

class cancel_flight final : public flight {
 public:
  explicit cancel_flight(const std::string& endpoint) : client_(endpoint, settings) {}

  void run(std::size_t calls, std::size_t, std::vector<std::chrono::nanoseconds>& times) override {
    const auto look = modal::remote<bench_functions::look>.on(client_);
    for (std::size_t i = 0; i < calls; ++i) {
      const std::int32_t serial = ++serial_;
      const auto held = modal::remote<bench_functions::hold>.on(client_).spawn(serial);
      while (!look(serial).first) {
      }
      const std::int64_t begun = bench_functions::now();
      held.cancel();
      std::int64_t ended = 0;
      while (ended == 0) ended = look(serial).second;
      times.emplace_back(ended - begun);
    }
  }

 private:
  modal::client client_;
  std::int32_t serial_ = 0;
};

}  // namespace

void serve(const std::string& address, const std::function<void(const std::string&)>& ready) {
  modal::executor executor{
      {.address = address, .port = 0, .log = modal::log_to_stderr(modal::log_level::warning)}};
  executor.start();
  ready(executor.url());
  executor.run();
}

std::unique_ptr<connection> open_connection(const std::string& endpoint) {
  return std::make_unique<modal_connection>(std::make_shared<modal::client>(endpoint, settings));
}

std::unique_ptr<flight> open_flight(const std::string& kind, const std::string& endpoint) {
  if (kind == "cancel") return std::make_unique<cancel_flight>(endpoint);
  if (kind.ends_with("spawn")) return std::make_unique<spawn_flight>(endpoint);
  return std::make_unique<async_flight>(endpoint);
}

}  // namespace bench
