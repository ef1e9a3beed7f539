// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <sys/types.h>

namespace photos {

/// An executor in a process of its own: started by the constructor, ended by `stop` or the
/// destructor. Its stderr goes to a file, so that it does not tear the progress bar.
class executor_process {
 public:
  /// Starts `program` and waits until it says where it listens.
  /// **Errors**: throws `std::runtime_error` if it cannot be started, ends early or says nothing
  /// for 30 seconds.
  executor_process(const std::filesystem::path& program, const std::filesystem::path& log);
  ~executor_process();
  executor_process(const executor_process&) = delete;
  executor_process& operator=(const executor_process&) = delete;

  [[nodiscard]] const std::string& url() const noexcept { return url_; }
  [[nodiscard]] pid_t id() const noexcept { return process_; }

  /// Asks it to end, waits, and returns whether it ended of its own accord and with status 0. After
  /// 40 seconds it is killed. Idempotent.
  bool stop() noexcept;

 private:
  void start(const std::filesystem::path& program, const std::filesystem::path& log);
  std::string read_url();

  pid_t process_ = -1;
  int output_ = -1;  // the reading end of its stdout; at its end, the process is over
  bool ended_well_ = false;
  std::string url_;
};

}  // namespace photos
