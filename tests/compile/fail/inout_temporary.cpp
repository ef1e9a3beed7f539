// SPDX-License-Identifier: Apache-2.0
// expect: modal: what is passed for a device_span<T> is changed by the call
#include <modal/function.hpp>
#include <modal/modal.hpp>

#include <optional>
#include <vector>

namespace changed {
void scale(modal::device_span<float> values, float by);
}  // namespace changed

void call(std::vector<float>& mine) {
#ifdef MODAL_EXPECT_FAILURE
  modal::remote<changed::scale>(std::vector<float>{1, 2}, 2.F);
#endif
  modal::remote<changed::scale>(mine, 2.F);
}
