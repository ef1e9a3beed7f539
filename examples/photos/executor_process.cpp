// SPDX-License-Identifier: Apache-2.0
#include "executor_process.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdexcept>
#include <string_view>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

extern char** environ;

namespace photos {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr auto patience_at_start = 30s;
constexpr auto patience_at_end = 40s;  // above the 30 s that an executor lets calls finish in
constexpr std::string_view announcement = "listening on ";

void check(int error, const std::string& what) {
  if (error != 0) throw std::runtime_error(what + ": " + std::generic_category().message(error));
}

class file_actions {
 public:
  file_actions() { ::posix_spawn_file_actions_init(&actions_); }
  ~file_actions() { ::posix_spawn_file_actions_destroy(&actions_); }
  file_actions(const file_actions&) = delete;
  file_actions& operator=(const file_actions&) = delete;
  posix_spawn_file_actions_t* get() { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

/// Reads what comes before `deadline`. Returns false at the end of the stream, or when time is up.
bool read_some(int file, clock::time_point deadline, std::string& out) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now());
    if (left.count() <= 0) return false;
    pollfd readable{file, POLLIN, 0};
    const int ready = ::poll(&readable, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    char bytes[256];
    const auto count = ::read(file, bytes, sizeof bytes);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    out.append(bytes, static_cast<std::size_t>(count));
    return true;
  }
}

}  // namespace

executor_process::executor_process(const std::filesystem::path& program,
                                   const std::filesystem::path& log) {
  start(program, log);
  url_ = read_url();
  if (url_.empty()) {
    stop();
    throw std::runtime_error("the executor " + program.string() +
                             " did not say where it listens; see " + log.string());
  }
}

executor_process::~executor_process() { stop(); }

void executor_process::start(const std::filesystem::path& program,
                             const std::filesystem::path& log) {
  const std::string path = program.string();
  int ends[2] = {-1, -1};
  check(::pipe2(ends, O_CLOEXEC) == 0 ? 0 : errno, "cannot make a pipe");

  file_actions actions;
  ::posix_spawn_file_actions_addopen(actions.get(), 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(actions.get(), ends[1], 1);
  ::posix_spawn_file_actions_addopen(actions.get(), 2, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC,
                                     0644);
  std::string arguments[] = {path, "--port", "0", "--stop-with-parent"};
  char* pointers[] = {arguments[0].data(), arguments[1].data(), arguments[2].data(),
                      arguments[3].data(), nullptr};
  const int error =
      ::posix_spawn(&process_, path.c_str(), actions.get(), nullptr, pointers, environ);
  ::close(ends[1]);
  if (error != 0) {
    ::close(ends[0]);
    process_ = -1;
    check(error, "cannot start the executor " + path);
  }
  output_ = ends[0];
}

std::string executor_process::read_url() {
  const auto deadline = clock::now() + patience_at_start;
  std::string said;
  while (said.find('\n') == std::string::npos) {
    if (!read_some(output_, deadline, said)) return {};
  }
  said.resize(said.find('\n'));
  return said.starts_with(announcement) ? said.substr(announcement.size()) : std::string();
}

bool executor_process::stop() noexcept {
  if (process_ == -1) return ended_well_;
  ::kill(process_, SIGTERM);
  const auto deadline = clock::now() + patience_at_end;
  for (std::string unread; read_some(output_, deadline, unread); unread.clear()) {
  }
  if (clock::now() >= deadline) ::kill(process_, SIGKILL);
  ::close(output_);

  int status = 0;
  while (::waitpid(process_, &status, 0) == -1 && errno == EINTR) {
  }
  ended_well_ = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  process_ = -1;
  return ended_well_;
}

}  // namespace photos
