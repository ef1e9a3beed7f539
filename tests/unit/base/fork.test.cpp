// SPDX-License-Identifier: Apache-2.0
#include <modal/base/fork.hpp>

#include "support/catch.hpp"

#include <sys/wait.h>
#include <unistd.h>

TEST_CASE("fork_count: a child has another one", "[base][fork]") {
  const unsigned mine = modal::detail::fork_count();
  const pid_t child = ::fork();
  if (child == 0) ::_exit(modal::detail::fork_count() == mine + 1 ? 0 : 1);
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(modal::detail::fork_count() == mine);
}
