// SPDX-License-Identifier: Apache-2.0
#include <modal/client/transport.hpp>
#include <modal/modal.hpp>

#include "support/catch.hpp"

#include <sys/wait.h>
#include <unistd.h>

namespace forked {
int none();
}

TEST_CASE("transport: refuses the calls of a child of its process", "[client][transport]") {
  modal::client parents("http://127.0.0.1:1");
  const auto function = modal::remote<forked::none>.on(parents).with({.retries = 0});
  CHECK(function.try_call().error() == modal::errc::connect_failed);
  CHECK(function.spawn().try_get().error() == modal::errc::connect_failed);  // starts the thread
  const pid_t child = ::fork();
  if (child == 0) {
    bool right = function.try_call().error() == modal::errc::bad_configuration;
    try {
      (void)function.spawn();
      right = false;
    } catch (const modal::call_error& refused) {
      right = right && refused.reason() == modal::errc::bad_configuration;
    }
    {
      modal::client own("http://127.0.0.1:1");
      const auto mine = modal::remote<forked::none>.on(own).with({.retries = 0});
      right = right && mine.spawn().try_get().error() == modal::errc::connect_failed;
      modal::client left = std::move(parents);  // whose destruction must not hang
    }
    ::_exit(right ? 0 : 1);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}
