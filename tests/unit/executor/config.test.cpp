// SPDX-License-Identifier: Apache-2.0
#include <modal/executor/config.hpp>

#include "support/catch.hpp"

TEST_CASE("executor config: listens on this machine only, by default", "[executor][config]") {
  CHECK(modal::executor_config{}.address == "127.0.0.1");
}

TEST_CASE("executor config: gives calls time to finish", "[executor][config]") {
  CHECK(modal::executor_config{}.grace.count() > 0);
}
