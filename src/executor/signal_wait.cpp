// SPDX-License-Identifier: Apache-2.0
#include "executor/signal_wait.hpp"

#include <modal/base/error.hpp>
#include <modal/base/mutex.hpp>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <system_error>
#include <unistd.h>

namespace modal::detail {
namespace {

constexpr std::array<int, 2> watched{SIGINT, SIGTERM};
constexpr unsigned char end_mark = 0;

// All that the handler may touch: write ends of pipes, -1 where a place is free.
struct listeners {
  listeners() {
    for (auto& each : pipes) each.store(-1);
  }
  std::array<std::atomic<int>, 16> pipes;
  static_assert(std::atomic<int>::is_always_lock_free);

  detail::mutex mutex;  // never taken by the handler
  int count MODAL_GUARDED_BY(mutex) = 0;
  std::array<struct sigaction, watched.size()> before MODAL_GUARDED_BY(mutex){};
};

listeners& all() {
  static listeners instance;
  return instance;
}

void on_signal_raised(int number) {
  const int saved = errno;
  const auto mark = static_cast<unsigned char>(number);
  for (const auto& each : all().pipes)
    if (const int to = each.load(); to >= 0) (void)!::write(to, &mark, 1);
  errno = saved;
}

// Listens while it lives.
class subscription {
 public:
  explicit subscription(int to) {
    listeners& those = all();
    const mutex_lock lock(those.mutex);
    for (auto& each : those.pipes) {
      if (each.load() >= 0) continue;
      place_ = &each;
      each.store(to);
      break;
    }
    if (place_ == nullptr)
      throw_error(error(errc::bad_configuration,
                        "more executors wait for signals than this process has room for (16): end "
                        "some of them by stop()"));
    if (those.count++ != 0) return;
    struct sigaction action {};
    action.sa_handler = &on_signal_raised;
    action.sa_flags = SA_RESTART;
    for (std::size_t i = 0; i < watched.size(); ++i)
      ::sigaction(watched[i], &action, &those.before[i]);
  }
  ~subscription() {
    listeners& those = all();
    const mutex_lock lock(those.mutex);
    if (--those.count == 0)
      for (std::size_t i = 0; i < watched.size(); ++i)
        ::sigaction(watched[i], &those.before[i], nullptr);
    if (place_ != nullptr) place_->store(-1);
  }
  subscription(const subscription&) = delete;
  subscription& operator=(const subscription&) = delete;

 private:
  std::atomic<int>* place_ = nullptr;
};

}  // namespace

signal_wait::signal_wait() {
  if (::pipe2(pipe_.data(), O_CLOEXEC) != 0)
    throw std::system_error(errno, std::generic_category(), "pipe2");
  ::fcntl(pipe_[1], F_SETFL, O_NONBLOCK);  // a handler must not block
}

signal_wait::~signal_wait() {
  ::close(pipe_[0]);
  ::close(pipe_[1]);
}

void signal_wait::run(const std::function<void(int)>& on_signal) {
  const subscription listening(pipe_[1]);
  for (;;) {
    // A signal always interrupts `poll`, and never a `read` that SA_RESTART begins again: under a
    // sanitizer, which puts handlers off until the call returns, the signal would wait for ever.
    pollfd waiting{pipe_[0], POLLIN, 0};
    if (::poll(&waiting, 1, -1) < 0 && errno == EINTR) continue;
    unsigned char mark = end_mark;
    const auto got = ::read(pipe_[0], &mark, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got != 1 || mark == end_mark) return;
    on_signal(mark);
  }
}

void signal_wait::end() noexcept {
  const unsigned char mark = end_mark;
  (void)!::write(pipe_[1], &mark, 1);
}

}  // namespace modal::detail
