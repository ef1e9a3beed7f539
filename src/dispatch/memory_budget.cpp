// SPDX-License-Identifier: Apache-2.0
#include "dispatch/memory_budget.hpp"

#include <utility>

namespace modal::detail {

// Grants where it fits and no older body waits; to the oldest body whatever it needs, unless others
// have more than the limit without it: bodies before it that went beyond the limit, or results.
bool memory_budget::grant(memory_share& share, std::size_t total) noexcept {
  const std::size_t more = total > share.held ? total - share.held : 0;
  const bool is_oldest = &share == &arriving_.front();
  if (!has_room(more) && !(is_oldest && used_ - share.held <= limit_)) return false;
  charge(share, more);
  return true;
}

bool memory_budget::request(memory_share& share, std::size_t total, std::function<void()> resume) {
  if (total <= share.held) return true;
  const bool is_oldest = &share == &arriving_.front();
  // Those that wait are older than others that come: what is given back is theirs.
  if ((waiting_ == 0 || is_oldest) && grant(share, total)) return true;
  share.resume = std::move(resume);
  share.wanted = total;
  ++waiting_;
  return false;
}

void memory_budget::end_arrival(memory_share& share) noexcept {
  if (!share.hook.is_linked()) return;
  arriving_.erase(arriving_.iterator_to(share));
  if (share.wanted == 0) return;
  share.wanted = 0;
  share.resume = nullptr;
  --waiting_;
}

void memory_budget::release(memory_share& share) noexcept {
  end_arrival(share);
  used_ -= std::exchange(share.held, 0);
}

std::function<void()> memory_budget::take_resumed() noexcept {
  if (waiting_ == 0) return nullptr;
  for (memory_share& each : arriving_) {
    if (each.wanted == 0) continue;
    if (!grant(each, each.wanted)) break;  // in the order of age: none younger before it
    each.wanted = 0;
    --waiting_;
    return std::exchange(each.resume, nullptr);
  }
  return nullptr;
}

}  // namespace modal::detail
