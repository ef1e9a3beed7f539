// SPDX-License-Identifier: Apache-2.0
#include "load.hpp"

#include <modal/asio.hpp>
#include <modal/modal.hpp>

#include "functions.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace bench {
namespace {

using clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;

/// Where the calls of one client are counted, by its I/O thread or by those that wait.
class book {
 public:
  void note(const modal::call_report& report, nanoseconds late, nanoseconds total) {
    const std::lock_guard lock(mutex_);
    times_.total.record(total);
    times_.late.record(late);
    times_.queue.record(report.queue);
    times_.codec.record(report.decode + report.encode);
    times_.run.record(report.run);
    times_.transfer.record(report.transfer);
  }

  void note_failure(const std::string& why) {
    const std::lock_guard lock(mutex_);
    if (times_.failed++ == 0) times_.failure = why;
  }

  /// Gives what was counted since the last time. One thread at a time.
  void move_to(load_times& sum) {
    {
      const std::lock_guard lock(mutex_);
      std::swap(times_, moved_);
    }
    sum.add(moved_);
    moved_.clear();
  }

 private:
  std::mutex mutex_;
  load_times times_;
  load_times moved_;
};

/// One client, and what its calls do.
class line {
 public:
  explicit line(const load_plan& plan)
      : plan_(plan),
        bytes_(plan.payload_bytes),
        client_(plan.url, {.session = plan.session, .local = plan.local}) {}

 private:
  template <class Use>
  auto with_function(Use use) {
    return plan_.at_once ? use(modal::remote<bench_load::work_at_once>.on(client_))
                         : use(modal::remote<bench_load::work>.on(client_));
  }

 public:
  /// Calls and waits. `due`: when this was to be.
  void call(clock::time_point due) {
    modal::call_report report;
    const auto begun = clock::now();
    const auto answer = with_function(
        [&](const auto& f) { return f.with(options(report)).try_call(plan_.run_us, bytes_); });
    note(answer, report, due, begun);
  }

  /// Starts a call; `then` runs on the client's I/O thread, when it is over.
  template <class Then>
  void start(clock::time_point due, Then then) {
    auto report = std::make_unique<modal::call_report>();
    const auto settings = options(*report);
    const auto begun = clock::now();
    with_function([&](const auto& f) {
      modal::async(f.with(settings), plan_.run_us, std::span<const std::byte>(bytes_),
                   [this, due, begun, report = std::move(report),
                    then = std::move(then)](modal::result<std::int64_t> answer) mutable {
                     note(answer, *report, due, begun);
                     then();
                   });
    });
  }

  book& counted() { return book_; }

 private:
  modal::call_options options(modal::call_report& report) const {
    return {.timeout = plan_.timeout, .report = &report};
  }

  void note(const modal::result<std::int64_t>& answer, const modal::call_report& report,
            clock::time_point due, clock::time_point begun) {
    if (!answer)
      book_.note_failure(answer.error().message());
    else if (static_cast<std::size_t>(*answer) != bytes_.size())
      book_.note_failure("a wrong answer");
    else
      book_.note(report, begun - due, clock::now() - due);
  }

  const load_plan& plan_;
  const std::vector<std::byte> bytes_;
  book book_;
  modal::client client_;  // ends first: its calls count
};

/// Counts calls that are under way, for whoever waits until there are none.
class under_way {
 public:
  void begin() { ++count_; }
  void end() {
    if (--count_ != 0) return;
    const std::lock_guard lock(mutex_);
    none_.notify_all();
  }
  [[nodiscard]] std::size_t count() const { return count_; }
  void wait() {
    std::unique_lock lock(mutex_);
    none_.wait(lock, [&] { return count_ == 0; });
  }

 private:
  std::atomic<std::size_t> count_{0};
  std::mutex mutex_;
  std::condition_variable none_;
};

class generator {
 public:
  explicit generator(const load_plan& plan) : plan_(plan) {
    for (std::size_t i = 0; i < plan.clients; ++i) lines_.push_back(std::make_unique<line>(plan));
  }

  load_times run(const interval_sink& tell) {
    const auto begun = clock::now();
    end_ = begun + plan_.warm_up + plan_.length;
    std::vector<std::jthread> callers;
    if (plan_.rate > 0) callers.emplace_back([this, begun] { keep_rate(begun); });
    for (std::size_t i = 0; i < plan_.threads; ++i)
      callers.emplace_back([this, i] { keep_calling(*lines_[i % lines_.size()]); });
    for (std::size_t i = 0; i < plan_.in_flight; ++i) keep_under_way(*lines_[i % lines_.size()]);

    load_times ignored;
    collect_at(begun + plan_.warm_up, ignored);
    load_times all;
    load_times one;
    for (auto at = begun + plan_.warm_up; at < end_;) {
      const auto next = std::min(at + plan_.interval, end_);
      one.clear();
      collect_at(next, one);
      tell({at - begun - plan_.warm_up, next - at}, one);
      all.add(one);
      at = next;
    }
    for (auto& each : callers) each.join();
    open_.wait();
    // Calls that ended after the end took long, so that they must not be left out.
    for (auto& each : lines_) each->counted().move_to(all);
    return all;
  }

 private:
  void collect_at(clock::time_point when, load_times& sum) {
    std::this_thread::sleep_until(when);
    for (auto& each : lines_) each->counted().move_to(sum);
  }

  void keep_calling(line& on) {
    for (auto now = clock::now(); now < end_; now = clock::now()) on.call(now);
  }

  void keep_under_way(line& on) {
    const auto now = clock::now();
    if (now >= end_) return;
    open_.begin();
    on.start(now, [this, &on] {
      keep_under_way(on);
      open_.end();
    });
  }

  /// Starts each call when it is due; those that are due already, at once.
  void keep_rate(clock::time_point begun) {
    for (std::uint64_t i = 0;; ++i) {
      const auto due =
          begun + std::chrono::duration_cast<nanoseconds>(
                      std::chrono::duration<double>(static_cast<double>(i) / plan_.rate));
      if (due >= end_) return;
      if (due > clock::now()) std::this_thread::sleep_until(due);
      line& on = *lines_[i % lines_.size()];
      if (open_.count() >= plan_.most_under_way) {
        on.counted().note_failure(
            "too many calls are under way: the rate is beyond what is served");
        continue;
      }
      open_.begin();
      on.start(due, [this] { open_.end(); });
    }
  }

  const load_plan& plan_;
  clock::time_point end_;
  under_way open_;
  std::vector<std::unique_ptr<line>> lines_;
};

}  // namespace

void load_times::add(const load_times& other) {
  total.add(other.total);
  late.add(other.late);
  queue.add(other.queue);
  codec.add(other.codec);
  run.add(other.run);
  transfer.add(other.transfer);
  if (failed == 0) failure = other.failure;
  failed += other.failed;
}

void load_times::clear() {
  for (histogram* each : {&total, &late, &queue, &codec, &run, &transfer}) each->clear();
  failed = 0;
  failure.clear();
}

load_times run_load(const load_plan& plan, const interval_sink& tell) {
  return generator(plan).run(tell);
}

}  // namespace bench
