// SPDX-License-Identifier: Apache-2.0
// expect: modal: polymorphic types cannot be sent
#include <modal/function.hpp>

struct shape {
#ifdef MODAL_EXPECT_FAILURE
  virtual ~shape() = default;
#endif
  int sides = 0;
};

int count(const shape& value) { return value.sides; }

MODAL_FUNCTION(count)
