// SPDX-License-Identifier: Apache-2.0
#include <modal/net/poll_guard.hpp>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <pthread.h>
#include <string>
#include <thread>

namespace modal::detail {
namespace {

constexpr std::chrono::milliseconds first_pause{50};
constexpr std::chrono::milliseconds last_pause{1600};

constexpr unsigned most_misses = 8;
constexpr unsigned most_held_yields = 1023;
constexpr unsigned skips = 63;  // then it looks whether things have changed

std::string first_line(const std::string& path) {
  std::string line;
  std::getline(std::ifstream(path), line);
  return line;
}

// The least that the group `path` of a hierarchy at `root`, or one around it, has.
template <class Quota>
void least_of(double& least, const std::string& root, std::string path, Quota quota) {
  for (;;) {
    if (const auto cpus = quota(root + path)) least = std::min(least, *cpus);
    const auto slash = path.rfind('/');
    if (slash == std::string::npos || path == "/") return;
    path.resize(slash);
  }
}

double quota_cpus() {
  double least = static_cast<double>(CPU_SETSIZE);
  const auto of_v2 = [](const std::string& group) {
    return quota_of(first_line(group + "/cpu.max"));
  };
  const auto of_v1 = [](const std::string& group) {
    return quota_of(first_line(group + "/cpu.cfs_quota_us") + ' ' +
                    first_line(group + "/cpu.cfs_period_us"));
  };
  // "hierarchy:controllers:path", see cgroups(7).
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string names = ',' + line.substr(first + 1, second - first - 1) + ',';
    const std::string path = line.substr(second + 1);
    if (names == ",,") least_of(least, "/sys/fs/cgroup", path, of_v2);
    if (names.find(",cpu,") != std::string::npos)
      least_of(least, "/sys/fs/cgroup/cpu", path, of_v1);
  }
  return least;
}

}  // namespace

std::optional<double> quota_of(std::string_view quota_and_period) noexcept {
  long quota = 0;
  long period = 0;
  const char* const end = quota_and_period.data() + quota_and_period.size();
  const auto first = std::from_chars(quota_and_period.data(), end, quota);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != ' ') return {};
  const auto second = std::from_chars(first.ptr + 1, end, period);
  if (second.ec != std::errc() || quota <= 0 || period <= 0) return {};
  return static_cast<double>(quota) / static_cast<double>(period);
}

std::size_t allowed_cpus() noexcept {
  cpu_set_t mine;
  CPU_ZERO(&mine);
  std::size_t cpus = 0;
  // It fails where there are more than that: then all of them, for want of better.
  if (::sched_getaffinity(0, sizeof mine, &mine) == 0)
    cpus = static_cast<std::size_t>(CPU_COUNT(&mine));
  else
    cpus = std::thread::hardware_concurrency();
  try {
    return std::min(cpus, static_cast<std::size_t>(quota_cpus()));
  } catch (...) {
    return cpus;  // it could not be read
  }
}

poll_places& poll_places::of_process() noexcept {
  static poll_places all(allowed_cpus());
  static const int registered = ::pthread_atfork(nullptr, nullptr, [] { of_process().clear(); });
  (void)registered;
  return all;
}

bool poll_places::enter(time_point now) noexcept {
  if (is_paused(now)) return false;
  if (taken_.fetch_add(1, std::memory_order_relaxed) < most_) return true;
  leave();
  return false;
}

// That several see the same at once is once: the break has begun by then.
void poll_places::pause(time_point now) noexcept {
  const auto at = now.time_since_epoch().count();
  const auto until = resumes_at_.load(std::memory_order_relaxed);
  if (at < until) return;
  const duration last{last_pause_.load(std::memory_order_relaxed)};
  const bool is_soon = last.count() != 0 && at - until < last.count();
  const duration next = is_soon ? std::min<duration>(2 * last, last_pause) : first_pause;
  last_pause_.store(next.count(), std::memory_order_relaxed);
  resumes_at_.store((now + next).time_since_epoch().count(), std::memory_order_relaxed);
}

bool poll_guard::begin(time_point now) noexcept {
  if (!is_on_) return false;
  if (skips_ != 0) {
    --skips_;
    return false;
  }
  if (!places_.enter(now)) return false;
  began_at_ = yielded_at_ = now;
  return true;
}

bool poll_guard::may_yield(time_point now) noexcept {
  if (places_.is_paused(now)) return false;
  if (yield_skips_ == 0) return true;
  --yield_skips_;
  return false;
}

void poll_guard::note_yield(time_point before, time_point now) noexcept {
  if (now - before > longest_yield) places_.pause(now);
  held_yields_ = now - before > long_yield ? std::min(2 * held_yields_ + 1, most_held_yields) : 0;
  yield_skips_ = held_yields_;
}

bool poll_guard::goes_on(time_point now) noexcept {
  if (now - yielded_at_ > longest_yield) {
    places_.pause(now);
    return false;
  }
  yielded_at_ = now;
  return now - began_at_ < limit_;
}

void poll_guard::end(bool has_found, time_point now) noexcept {
  places_.leave();
  if (has_found) {
    misses_ = 0;
    limit_ = std::clamp<duration>(2 * (now - began_at_), shortest, longest);
    return;
  }
  limit_ = longest;
  if (++misses_ < most_misses) return;
  misses_ = most_misses;
  skips_ = skips;
}

}  // namespace modal::detail
