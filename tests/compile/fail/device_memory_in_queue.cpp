// SPDX-License-Identifier: Apache-2.0
// expect: modal: device memory inside of a set, a queue or a stack cannot be found
#include <modal/function.hpp>
#include <modal/modal.hpp>

#include <queue>
#include <vector>

namespace queued {

#ifdef MODAL_EXPECT_FAILURE
int take(const std::queue<modal::device_vector<float>>& all) {
  return static_cast<int>(all.size());
}
#else
int take(const std::vector<modal::device_vector<float>>& all) {
  return static_cast<int>(all.size());
}
#endif

}  // namespace queued

MODAL_FUNCTION(queued::take)
