// SPDX-License-Identifier: Apache-2.0
#include "worker/quarantine.hpp"

#include <modal/base/mutex.hpp>

#include <utility>

namespace modal::detail {

void keep_for_ever(std::unique_ptr<quarantined> which) noexcept {
  static mutex guard;
  static quarantined* first MODAL_GUARDED_BY(guard) = nullptr;
  if (which == nullptr) return;
  const mutex_lock lock(guard);
  which->next_ = std::exchange(first, which.get());
  (void)which.release();
}

}  // namespace modal::detail
