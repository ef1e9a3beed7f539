// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/clock.hpp>
#include <modal/base/mutex.hpp>
#include <modal/client/http_exchange.hpp>
#include <modal/net/poll_guard.hpp>
#include <modal/net/stream.hpp>

#include <cstddef>
#include <memory>
#include <vector>

namespace modal::detail {

/// A socket to the executor and the memory of its exchanges.
struct http_connection {
  http_connection(stream connected, const client_limits& bounds, buffer_pool& pool)
      : socket(std::move(connected)), exchange(bounds, pool) {}

  stream socket;
  http_exchange exchange;
  time_point idle_since{};
  unsigned serial = 0;      ///< names the socket among those of one attempt
  bool is_watched = false;  ///< by the client's reactor, which then drops it when it ends
  bool was_used = false;
  poll_guard guard{polling::off};  ///< of whoever waits for an answer
};

/// Keeps connections that may be used again, of blocking and asynchronous calls alike, the most
/// recent first. Safe to share.
class connection_pool {
 public:
  /// @param most kept at a time; @param idle_timeout how long each is kept.
  connection_pool(std::size_t most, duration idle_timeout)
      : most_(most), idle_timeout_(idle_timeout) {}

  /// Returns a connection that is open and silent, or nothing.
  /// @param stays_watched the reactor will be told whom to tell of it; else its watch ends.
  std::unique_ptr<http_connection> take(time_point now, bool stays_watched);

  void give_back(std::unique_ptr<http_connection> used, time_point now);

  /// Closes the watched connection with this descriptor if it is idle, and ended or not silent.
  void drop(int descriptor);

  /// The reactor whose watch is ended on connections that others take; -1 while there is none.
  void set_epoll(int descriptor) noexcept;

 private:
  mutex mutex_;
  std::vector<std::unique_ptr<http_connection>> idle_ MODAL_GUARDED_BY(mutex_);
  int epoll_ MODAL_GUARDED_BY(mutex_) = -1;
  const std::size_t most_;
  const duration idle_timeout_;
};

}  // namespace modal::detail
