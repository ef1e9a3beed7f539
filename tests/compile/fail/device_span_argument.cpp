// SPDX-License-Identifier: Apache-2.0
// expect: modal: a device_span cannot be sent
#include <modal/function.hpp>
#include <modal/modal.hpp>

#include <optional>
#include <vector>

namespace sent {
int take(modal::device_span<const int> values);
}  // namespace sent

void call(modal::device_span<const int> there, const std::vector<int>& here) {
#ifdef MODAL_EXPECT_FAILURE
  (void)modal::remote<sent::take>(there);
#else
  (void)there;
#endif
  (void)modal::remote<sent::take>(here);
}
