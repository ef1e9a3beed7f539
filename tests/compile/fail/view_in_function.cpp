// SPDX-License-Identifier: Apache-2.0
// expect: modal: a result must own what is inside of it
#include <modal/function.hpp>

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace views {

struct frame {
#ifdef MODAL_EXPECT_FAILURE
  std::optional<std::span<const float>> pixels;
#else
  std::optional<std::vector<float>> pixels;
#endif
  template <class Archive>
  void serialize(Archive& archive) {
    archive(pixels);
  }
};

frame render(int) { return {}; }

}  // namespace views

MODAL_FUNCTION(views::render)
