// SPDX-License-Identifier: Apache-2.0
#include <modal/client/connection_pool.hpp>

#include <algorithm>
#include <sys/epoll.h>

namespace modal::detail {

std::unique_ptr<http_connection> connection_pool::take(time_point now, bool stays_watched) {
  for (;;) {
    std::unique_ptr<http_connection> found;
    int epoll = -1;
    {
      const mutex_lock lock(mutex_);
      if (idle_.empty()) return nullptr;
      found = std::move(idle_.back());
      idle_.pop_back();
      epoll = epoll_;
    }
    if (now - found->idle_since > idle_timeout_) continue;
    // Looked at every time: an executor that restarted has closed it, perhaps just now, and a
    // request that goes nowhere cannot be told from one that ran. Whoever watches it is not told
    // either of what came in one piece with the last answer, or while a handler ran.
    if (!found->socket.is_quiet()) continue;
    if (found->is_watched && !stays_watched) {
      ::epoll_ctl(epoll, EPOLL_CTL_DEL, found->socket.native_handle(), nullptr);
      found->is_watched = false;
    }
    return found;
  }
}

void connection_pool::give_back(std::unique_ptr<http_connection> used, time_point now) {
  used->idle_since = now;
  used->was_used = true;
  const mutex_lock lock(mutex_);
  if (idle_.size() >= most_) return;
  try {
    idle_.push_back(std::move(used));
  } catch (const std::bad_alloc&) {  // then it closes: the answer that came by it is more
  }
}

void connection_pool::drop(int descriptor) {
  std::unique_ptr<http_connection> ended;
  const mutex_lock lock(mutex_);
  const auto found = std::find_if(idle_.begin(), idle_.end(), [&](const auto& each) {
    return each->is_watched && each->socket.native_handle() == descriptor;
  });
  if (found == idle_.end() || (*found)->socket.is_quiet()) return;
  ended = std::move(*found);
  idle_.erase(found);
}

void connection_pool::set_epoll(int descriptor) noexcept {
  const mutex_lock lock(mutex_);
  epoll_ = descriptor;
}

}  // namespace modal::detail
