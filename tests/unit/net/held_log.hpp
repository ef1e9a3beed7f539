// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "raw_peer.hpp"

#include <atomic>
#include <future>
#include <memory>
#include <sys/resource.h>

namespace test {

/// A log sink that holds its thread at the first record of each call, until `release`.
class held_call_log {
 public:
  [[nodiscard]] log_sink sink() const {
    return [state = state_](const log_record& record) {
      if (record.level == log_level::debug && state->count++ == 0) state->released.wait();
    };
  }
  void release() { state_->release.set_value(); }

 private:
  struct shared {
    std::promise<void> release;
    std::shared_future<void> released = release.get_future().share();
    std::atomic<int> count{0};
  };
  const std::shared_ptr<shared> state_ = std::make_shared<shared>();
};

/// A log sink that holds its thread when the listener says that it cannot accept, and what makes
/// the listener say so: for a moment there is no descriptor left in this process.
class held_accept_log {
 public:
  held_accept_log() { ::getrlimit(RLIMIT_NOFILE, &before_); }

  [[nodiscard]] log_sink sink() {
    return [this](const log_record& record) {
      if (record.message.find("cannot accept") == std::string_view::npos || once_.exchange(true))
        return;
      ::setrlimit(RLIMIT_NOFILE, &before_);
      is_logging_.set_value();
      goes_on_.get_future().wait();
    };
  }

  /// Connects to `to`, which has started with that sink. Returns when the sink is held.
  void hold(const executor& to) {
    const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int next = ::dup(client);  // the number of the next descriptor
    ::close(next);
    rlimit none = before_;
    none.rlim_cur = static_cast<rlim_t>(next);
    ::setrlimit(RLIMIT_NOFILE, &none);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    where.sin_port = htons(to.port());
    CHECK(::connect(client, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0);
    is_logging_.get_future().wait();
    ::close(client);
  }
  void release() { goes_on_.set_value(); }

 private:
  rlimit before_{};
  std::atomic<bool> once_{false};
  std::promise<void> is_logging_;
  std::promise<void> goes_on_;
};

}  // namespace test
