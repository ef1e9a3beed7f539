// SPDX-License-Identifier: Apache-2.0
#include "measure.hpp"

#include "../harness/process.hpp"
#include "../harness/statistics.hpp"
#include "stack.hpp"

#include <algorithm>
#include <barrier>
#include <chrono>
#include <cstdlib>
#include <exception>
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
      : numbers_(numbers),
        expected_(digest(numbers)),
        adds_(what.kind == "add" || what.kind == "free"),
        connection_(open_connection(what.endpoint)) {}

  void call(std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) check(once(static_cast<std::int32_t>(i)));
  }

  void timed_call(std::size_t times, std::vector<nanoseconds>& samples) {
    for (std::size_t i = 0; i < times; ++i) {
      const auto start = clock::now();
      const bool right = once(static_cast<std::int32_t>(i));
      samples.push_back(clock::now() - start);
      check(right);
    }
  }

 private:
  bool once(std::int32_t i) {
    return adds_ ? connection_->add(i, 2) == i + 2 : connection_->send(numbers_) == expected_;
  }
  static void check(bool right) {
    if (!right) throw std::runtime_error("the server gave a wrong answer");
  }

  std::span<const float> numbers_;
  std::int64_t expected_;
  bool adds_;
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

}  // namespace

sample measure(const measurement& what) {
  if (what.kind.ends_with("async") || what.kind.ends_with("spawn") || what.kind == "overlap")
    return measure_flight(what);
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
