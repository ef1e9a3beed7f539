// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <new>
#include <thread>
#include <utility>

namespace modal::detail {

/// Does what has to be done whatever happens, as soon as there is memory for it: `step` runs again
/// and again until it does not throw `std::bad_alloc`. **Precondition**: it throws nothing else,
/// and may be repeated. @return what it returns.
template <class Step>
decltype(auto) insist(Step&& step) noexcept {
  for (;;) {
    try {
      return std::forward<Step>(step)();
    } catch (const std::bad_alloc&) {
      std::this_thread::yield();
    }
  }
}

}  // namespace modal::detail
