// SPDX-License-Identifier: Apache-2.0
//
// modal as its README shows it: an executor and a client, each with its defaults (but a quiet log).
// The function that takes the numbers sees them where they arrived. Built three times:
//
//     bench_call_modal       over plain HTTP: one client serves all threads, and each call in
//                            flight has a connection to itself
//     bench_call_session     BENCH_SESSION=1: on sessions, a client for each connection that the
//                            case asks for
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

}  // namespace bench_functions

MODAL_FUNCTION(bench_functions::add, .run = modal::run_on::BENCH_RUN)
MODAL_FUNCTION(bench_functions::take, .run = modal::run_on::BENCH_RUN)

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

}  // namespace

void serve(const std::string& address, const std::function<void(const std::string&)>& ready) {
  modal::executor executor{
      {.address = address, .port = 0, .log = modal::log_to_stderr(modal::log_level::warning)}};
  executor.start();
  ready(executor.url());
  executor.run();
}

std::unique_ptr<connection> open_connection(const std::string& endpoint) {
  const auto make = [&] { return std::make_shared<modal::client>(endpoint, settings); };
  if (BENCH_SESSION != 0) return std::make_unique<modal_connection>(make());
  static const auto shared = make();
  return std::make_unique<modal_connection>(shared);
}

std::unique_ptr<flight> open_flight(const std::string& kind, const std::string& endpoint) {
  if (kind.ends_with("spawn")) return std::make_unique<spawn_flight>(endpoint);
  return std::make_unique<async_flight>(endpoint);
}

}  // namespace bench
