// SPDX-License-Identifier: Apache-2.0
// expect: modal: a result must own its device memory
#include <modal/function.hpp>
#include <modal/modal.hpp>

#include <optional>
#include <vector>

namespace views {

#ifdef MODAL_EXPECT_FAILURE
std::optional<modal::device_span<const float>> find(int) { return std::nullopt; }
#else
std::optional<modal::device_vector<float>> find(int) { return std::nullopt; }
#endif

}  // namespace views

MODAL_FUNCTION(views::find)
