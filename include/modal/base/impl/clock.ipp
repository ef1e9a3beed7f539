// SPDX-License-Identifier: Apache-2.0
#include <modal/base/clock.hpp>

namespace modal {

const clock& real_clock() noexcept {
  // Never destroyed: executors that are static objects outlive what is made after them.
  alignas(steady_clock) static char place[sizeof(steady_clock)];
  static const clock& instance = *new (place) steady_clock;
  return instance;
}

}  // namespace modal
