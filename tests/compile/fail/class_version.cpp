// SPDX-License-Identifier: Apache-2.0
// expect: modal: cereal's class versions are not supported
#include <modal/function.hpp>

struct point {
  int x = 0;
  template <class Archive>
#ifdef MODAL_EXPECT_FAILURE
  void serialize(Archive& archive, std::uint32_t){
#else
  void serialize(Archive& archive) {
#endif
      archive(x);
}
}
;

int x_of(const point& value) { return value.x; }

MODAL_FUNCTION(x_of)
