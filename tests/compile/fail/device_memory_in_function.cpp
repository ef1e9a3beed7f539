// SPDX-License-Identifier: Apache-2.0
// expect: modal: device memory inside of a type with a cereal function
#include <modal/function.hpp>
#include <modal/modal.hpp>

#include <optional>
#include <vector>

namespace hidden {

struct frame {
  modal::device_vector<float> pixels;
#ifdef MODAL_EXPECT_FAILURE
  template <class Archive>
  void serialize(Archive& archive) {
    archive(pixels);
  }
#endif
};
int take(const frame& which) { return static_cast<int>(which.pixels.size()); }

}  // namespace hidden

MODAL_FUNCTION(hidden::take)
