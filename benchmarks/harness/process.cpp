// SPDX-License-Identifier: Apache-2.0
#include "process.hpp"

#include <array>
#include <csignal>
#include <ctime>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <limits>
#include <malloc.h>
#include <poll.h>
#include <sched.h>
#include <spawn.h>
#include <sstream>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

extern char** environ;

namespace bench {
namespace {

volatile std::sig_atomic_t signal_came = 0;

[[noreturn]] void fail(const std::string& what, int code = errno) {
  throw std::system_error(code, std::generic_category(), what);
}

std::string describe(int status) {
  if (WIFSIGNALED(status)) return "signal " + std::to_string(WTERMSIG(status));
  return "exit " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

child::child(const std::vector<std::string>& arguments) {
  std::array<int, 2> pipe_ends{};
  if (pipe2(pipe_ends.data(), O_CLOEXEC) != 0) fail("pipe2");
  output_ = pipe_ends[0];

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], STDOUT_FILENO);
  std::vector<char*> words;
  for (const std::string& word : arguments) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const int code = posix_spawn(&id_, words[0], &actions, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(pipe_ends[1]);
  if (code != 0) {
    close(output_);
    fail("cannot start " + arguments[0], code);
  }
}

child::~child() {
  kill_and_reap();
  close(output_);
}

std::optional<std::string> child::read_line(std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  for (;;) {
    if (const auto end = pending_.find('\n'); end != std::string::npos) {
      std::string line = pending_.substr(0, end);
      pending_.erase(0, end + 1);
      return line;
    }
    if (signal_came != 0) throw std::runtime_error("interrupted");
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    pollfd readable{output_, POLLIN, 0};
    const int ready = left.count() > 0 ? poll(&readable, 1, static_cast<int>(left.count())) : 0;
    if (ready == 0)
      throw std::runtime_error("no answer within " + std::to_string(patience.count()) + " ms");
    std::array<char, 4096> block{};
    const ssize_t size = ready < 0 ? -1 : read(output_, block.data(), block.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) fail("read");
    if (size == 0) return std::nullopt;
    pending_.append(block.data(), static_cast<std::size_t>(size));
  }
}

bool child::running() {
  if (!reaped_) reaped_ = waitpid(id_, &status_, WNOHANG) == id_;
  return !reaped_;
}

std::string child::wait() {
  while (!reaped_) reaped_ = waitpid(id_, &status_, 0) == id_ || errno != EINTR;
  return describe(status_);
}

void child::kill_and_reap() noexcept {
  if (reaped_) return;
  ::kill(id_, SIGKILL);
  while (!reaped_) reaped_ = waitpid(id_, &status_, 0) == id_ || errno != EINTR;
}

scratch_directory::scratch_directory() {
  path_ = (std::filesystem::temp_directory_path() / "modal_bench_XXXXXX").string();
  if (mkdtemp(path_.data()) == nullptr) fail("mkdtemp " + path_);
}

scratch_directory::~scratch_directory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void unwind_on_signals() {
  struct sigaction action {};
  action.sa_handler = [](int) { signal_came = 1; };  // no SA_RESTART: it has to end poll()
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

void die_with_parent() { prctl(PR_SET_PDEATHSIG, SIGKILL); }

void pin_to_cpu(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) fail("sched_setaffinity");
}

int last_usable_cpu() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) fail("sched_getaffinity");
  int last = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(static_cast<std::size_t>(cpu), &set)) last = cpu;
  return last;
}

void keep_freed_memory() {
  // glibc ignores an mmap threshold above 32 MiB; no mapping at all is what keeps larger blocks.
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
}

std::chrono::nanoseconds cpu_time(pid_t id) {
  clockid_t clock{};
  if (const int code = clock_getcpuclockid(id, &clock); code != 0)
    fail("clock_getcpuclockid", code);
  timespec used{};
  if (clock_gettime(clock, &used) != 0) fail("clock_gettime");
  return std::chrono::seconds{used.tv_sec} + std::chrono::nanoseconds{used.tv_nsec};
}

std::uint64_t peak_memory_bytes(pid_t id) {
  std::ifstream status("/proc/" + std::to_string(id) + "/status");
  for (std::string word; status >> word;) {
    std::uint64_t kib = 0;
    if (word == "VmHWM:" && status >> kib) return kib * 1024;
  }
  throw std::runtime_error("no VmHWM of process " + std::to_string(id));
}

std::chrono::nanoseconds machine_busy_time() {
  std::ifstream stat("/proc/stat");
  std::string line;
  std::getline(stat, line);
  std::istringstream words(line);
  std::string name;
  words >> name;
  // user nice system idle iowait irq softirq steal; guest times are part of user's.
  std::int64_t busy = 0;
  std::int64_t ticks = 0;
  for (int column = 0; column < 8 && words >> ticks; ++column)
    if (column != 3 && column != 4) busy += ticks;
  return std::chrono::nanoseconds{busy * (1'000'000'000 / sysconf(_SC_CLK_TCK))};
}

int machine_cpus() { return static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)); }

}  // namespace bench
