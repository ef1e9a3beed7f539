// SPDX-License-Identifier: Apache-2.0
// expect: modal: what a function writes to a device_span inside of a value
#include <modal/function.hpp>
#include <modal/modal.hpp>

#include <optional>
#include <vector>

namespace views {

#ifdef MODAL_EXPECT_FAILURE
struct frame {
  modal::device_span<float> pixels;
};
#else
struct frame {
  modal::device_span<const float> pixels;
};
#endif
int take(const frame& which) { return static_cast<int>(which.pixels.size()); }

}  // namespace views

MODAL_FUNCTION(views::take)
