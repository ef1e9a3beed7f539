// SPDX-License-Identifier: Apache-2.0
// expect: modal: MODAL_FIELDS stands in the name space of the type
#include <modal/modal.hpp>

namespace here {

struct extent {
  int width, height;
};

#ifndef MODAL_EXPECT_FAILURE
MODAL_FIELDS(extent, width, height)
#endif

}  // namespace here

#ifdef MODAL_EXPECT_FAILURE
MODAL_FIELDS(here::extent, width, height)
#endif
