// SPDX-License-Identifier: Apache-2.0
#include <modal/base/clock.hpp>

namespace modal {

const clock& real_clock() noexcept {
  // Never destroyed: executors that are static objects outlive what is made after them.
  static const clock& instance = *new steady_clock;
  return instance;
}

}  // namespace modal
