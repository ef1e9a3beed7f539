// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace bench {

/// A child process whose standard output is read line by line. The destructor kills and reaps it,
/// so no exception leaves a process behind. Not copyable; one thread at a time.
class child {
 public:
  /// Starts `arguments[0]` with posix_spawn. **Errors**: throws `std::system_error`.
  explicit child(const std::vector<std::string>& arguments);
  ~child();
  child(const child&) = delete;
  child& operator=(const child&) = delete;

  /// Returns the next line without its end; nothing once the child closed its output.
  /// **Errors**: throws `std::runtime_error` where no line came within `patience`, or a signal did.
  std::optional<std::string> read_line(std::chrono::milliseconds patience);

  /// Returns whether the child still runs; reaps it if not.
  bool running();

  /// Waits for the end of the child, and says how it ended: "exit 1", "signal 11".
  std::string wait();
  /// Returns whether it ended with exit status 0. **Precondition**: it ended.
  [[nodiscard]] bool succeeded() const { return status_ == 0; }

  void kill_and_reap() noexcept;

  [[nodiscard]] pid_t id() const { return id_; }

 private:
  pid_t id_ = -1;
  int output_ = -1;
  int status_ = 0;
  bool reaped_ = false;
  std::string pending_;
};

/// A directory that is removed with all it holds.
class scratch_directory {
 public:
  scratch_directory();
  ~scratch_directory();
  scratch_directory(const scratch_directory&) = delete;
  scratch_directory& operator=(const scratch_directory&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Makes SIGINT and SIGTERM end `child::read_line` with an exception, so that destructors run.
void unwind_on_signals();

/// Makes the kernel kill this process when the one that started it ends.
void die_with_parent();

/// Restricts this process, and the threads that it starts later, to one CPU.
void pin_to_cpu(int cpu);

/// Returns the last CPU that this process may use: the first often serves interrupts.
int last_usable_cpu();

/// Makes malloc keep and reuse freed memory, however large: fresh pages cost more than a loopback
/// transfer. Given to rivals that have no buffer pool of their own.
void keep_freed_memory();

/// Returns the user and system time that all threads of process `id` have used.
std::chrono::nanoseconds cpu_time(pid_t id);

/// Returns the most physical memory that process `id` has held at once (VmHWM).
std::uint64_t peak_memory_bytes(pid_t id);

/// Returns the time that all CPUs of the machine were not idle, in steps of 10 ms.
std::chrono::nanoseconds machine_busy_time();

int machine_cpus();

}  // namespace bench
