// SPDX-License-Identifier: Apache-2.0
// expect: modal: nothing can refer to a bit-field of an aggregate
#include <modal/modal.hpp>

namespace bits {

struct flags {
  int level;
#ifdef MODAL_EXPECT_FAILURE
  unsigned is_on : 1;
#else
  unsigned is_on;
#endif
};

flags flip(flags);

}  // namespace bits

void call() { (void)modal::remote<bits::flip>(bits::flags{}); }
