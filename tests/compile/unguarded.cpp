// SPDX-License-Identifier: Apache-2.0
// Touches what a mutex guards without holding it: see check_thread_safety.sh.
#include <modal/base/mutex.hpp>

struct counter {
  void add() { ++value; }
  modal::detail::mutex mutex;
  int value MODAL_GUARDED_BY(mutex) = 0;
};

void touch(counter& which) { which.add(); }
