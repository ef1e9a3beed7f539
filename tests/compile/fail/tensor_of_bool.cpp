// SPDX-License-Identifier: Apache-2.0
// expect: modal: the elements of a tensor must lie on the wire as in memory
#include <modal/function.hpp>
#include <modal/modal.hpp>

#include <cstdint>
#include <vector>

namespace flags {
int take(modal::tensor_view<const bool, 2> values);
int take_bytes(modal::tensor_view<const std::uint8_t, 2> values);
}  // namespace flags

void call(const bool* flags, const std::uint8_t* bytes) {
#ifdef MODAL_EXPECT_FAILURE
  (void)modal::remote<flags::take>(modal::tensor_view<const bool, 2>(flags, {2, 2}));
#else
  (void)flags;
#endif
  (void)modal::remote<flags::take_bytes>(modal::tensor_view<const std::uint8_t, 2>(bytes, {2, 2}));
}
