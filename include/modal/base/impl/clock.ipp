// SPDX-License-Identifier: Apache-2.0
#include <modal/base/clock.hpp>

namespace modal {

const clock& real_clock() noexcept {
  static const steady_clock instance;
  return instance;
}

}  // namespace modal
