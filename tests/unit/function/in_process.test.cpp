// SPDX-License-Identifier: Apache-2.0
#include <modal/function/in_process.hpp>

#include "support/catch.hpp"

TEST_CASE("in process: without modal::executor there is no door", "[function][in_process]") {
  CHECK(&modal_in_process_executor == nullptr);
}
