// SPDX-License-Identifier: Apache-2.0
#include "measure.hpp"

#include "../harness/process.hpp"
#include "../harness/statistics.hpp"
#include "stack.hpp"

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <future>
#include <iostream>
#include <stdexcept>
#include <thread>
#include <unistd.h>

namespace bench {
namespace {

using clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;

/// The calls of one thread on its own connection.
class caller {
 public:
  caller(const measurement& what, std::span<const float> numbers)
      : what_(what), numbers_(numbers), expected_(digest(numbers)), one_(find(what.kind)) {
    if (one_ != &caller::connect_once) connection_ = open_connection(what.endpoint);
  }

  void call(std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) check((this->*one_)(static_cast<std::int32_t>(i)));
  }

  void timed_call(std::size_t times, std::vector<nanoseconds>& samples) {
    for (std::size_t i = 0; i < times; ++i) {
      const auto start = clock::now();
      const bool right = (this->*one_)(static_cast<std::int32_t>(i));
      samples.push_back(clock::now() - start);
      check(right);
      if (one_ == &caller::connect_once) connection_.reset();
    }
  }

 private:
  using one = bool (caller::*)(std::int32_t);

  static one find(const std::string& kind) {
    if (kind == "send" || kind == "device") return &caller::send_once;
    if (kind == "echo") return &caller::echo_once;
    if (kind == "connect") return &caller::connect_once;
    return &caller::add_once;
  }

  bool add_once(std::int32_t i) { return connection_->add(i, 2) == i + 2; }
  bool send_once(std::int32_t) { return connection_->send(numbers_) == expected_; }
  bool echo_once(std::int32_t) { return connection_->echo(numbers_) == expected_; }
  bool connect_once(std::int32_t i) {
    connection_ = open_connection(what_.endpoint);
    connection_->greet();
    return add_once(i);
  }
  static void check(bool right) {
    if (!right) throw std::runtime_error("the server gave a wrong answer");
  }

  const measurement& what_;
  std::span<const float> numbers_;
  std::int64_t expected_;
  one one_;
  std::unique_ptr<connection> connection_;
};

/// The state of machine and processes between which a measurement lies.
struct moment {
  explicit moment(pid_t server)
      : own_cpu(cpu_time(getpid()) + cpu_time(server)), busy(machine_busy_time()) {}
  nanoseconds own_cpu;
  nanoseconds busy;
  clock::time_point when = clock::now();
};

double count(nanoseconds time) { return static_cast<double>(time.count()); }

std::vector<float> numbers_to_send(std::size_t bytes) {
  std::vector<float> numbers(bytes / sizeof(float));
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(i % 1000);
  return numbers;
}

sample summarize(const measurement& what, std::vector<nanoseconds::rep>& all, double calls,
                 const std::vector<moment>& moments) {
  const double elapsed = count(moments[1].when - moments[0].when);
  const double own_cpu = count(moments[1].own_cpu - moments[0].own_cpu);
  const double others_cpu = count(moments[1].busy - moments[0].busy) - own_cpu;
  return {.p50_ns = percentile(all, 0.5),
          .p99_ns = percentile(all, 0.99),
          .calls_per_second = calls * 1e9 / elapsed,
          .cpu_ns_per_call = own_cpu / calls,
          .client_peak_bytes = static_cast<double>(peak_memory_bytes(getpid())),
          .server_peak_bytes = static_cast<double>(peak_memory_bytes(what.server)),
          .others_share = std::max(0.0, others_cpu / (elapsed * machine_cpus()))};
}

sample measure_flight(const measurement& what) {
  const auto calls = open_flight(what.kind, what.endpoint);
  std::vector<nanoseconds> times;
  times.reserve(std::max(what.calls, what.warm_up * what.connections));
  calls->run(what.warm_up * what.connections, what.connections, times);
  times.clear();
  std::vector<moment> moments;
  moments.emplace_back(what.server);
  calls->run(what.calls, what.connections, times);
  moments.emplace_back(what.server);
  std::vector<nanoseconds::rep> all;
  for (const nanoseconds time : times) all.push_back(time.count());
  return summarize(what, all, static_cast<double>(what.calls), moments);
}

/// Uploads alone, then as many beside small calls of another thread: how long those take.
sample measure_beside(const measurement& what) {
  const std::vector<float> numbers = numbers_to_send(what.payload_bytes);
  const auto uploads = open_connection(what.endpoint);
  const auto upload = [&, expected = digest(numbers)](std::size_t times) {
    const auto begun = clock::now();
    for (std::size_t i = 0; i < times; ++i)
      if (uploads->send(numbers) != expected)
        throw std::runtime_error("the server gave a wrong answer");
    return static_cast<double>(what.payload_bytes * times) * 1e9 / count(clock::now() - begun);
  };
  upload(what.warm_up);
  const double alone = upload(what.calls);

  std::atomic<bool> is_over{false};
  std::promise<void> warm;
  const auto make_small_calls = [&] {
    const auto small = uploads->beside(what.endpoint);
    for (std::int32_t i = 0; i < 100; ++i) small->add(i, 2);
    warm.set_value();
    std::vector<nanoseconds::rep> times;
    times.reserve(1 << 20);
    for (std::int32_t i = 0; !is_over; ++i) {
      const auto start = clock::now();
      const bool is_right = small->add(i, 2) == i + 2;
      times.push_back((clock::now() - start).count());
      if (!is_right) throw std::runtime_error("the server gave a wrong answer");
    }
    return times;
  };
  // A failure ends the process: there is nothing left to measure.
  auto small_calls = std::async(std::launch::async, [&]() noexcept { return make_small_calls(); });
  warm.get_future().wait();
  std::vector<moment> moments;
  moments.emplace_back(what.server);
  const double beside = upload(what.calls);
  moments.emplace_back(what.server);
  is_over = true;
  auto times = small_calls.get();
  const auto calls = static_cast<double>(times.size());
  sample made = summarize(what, times, calls, moments);
  made.bulk_rate = beside;
  made.bulk_alone = alone;
  return made;
}

bool is_flight(const std::string& kind) {
  return kind.ends_with("async") || kind.ends_with("spawn") || kind == "overlap" ||
         kind == "cancel";
}

}  // namespace

sample measure(const measurement& what) {
  if (what.kind.starts_with("beside")) return measure_beside(what);
  if (is_flight(what.kind)) return measure_flight(what);
  const std::vector<float> numbers = numbers_to_send(what.payload_bytes);
  const std::size_t calls_each = std::max<std::size_t>(what.calls / what.connections, 1);
  std::vector<std::vector<nanoseconds>> samples(what.connections);
  for (auto& each : samples) each.reserve(calls_each);

  // Phases: connect and warm up; timed calls. Each ends when all threads are there.
  std::vector<moment> moments;
  std::barrier phase(static_cast<std::ptrdiff_t>(what.connections),
                     [&]() noexcept { moments.emplace_back(what.server); });
  const auto work = [&](std::size_t index) noexcept {
    try {
      caller self(what, numbers);
      self.call(what.warm_up);
      phase.arrive_and_wait();
      self.timed_call(calls_each, samples[index]);
      phase.arrive_and_wait();
    } catch (const std::exception& failure) {
      // The other threads wait for this one; there is nothing left to measure.
      std::cerr << "bench_call client: " << failure.what() << std::endl;
      std::_Exit(EXIT_FAILURE);
    }
  };
  {
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < what.connections; ++i) others.emplace_back(work, i);
    work(0);
  }

  std::vector<nanoseconds::rep> all;
  for (const auto& each : samples)
    for (const nanoseconds time : each) all.push_back(time.count());

  return summarize(what, all, static_cast<double>(calls_each * what.connections), moments);
}

}  // namespace bench
