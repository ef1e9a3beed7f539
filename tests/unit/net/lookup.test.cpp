// SPDX-License-Identifier: Apache-2.0
#include <modal/net/lookup.hpp>

#include "support/catch.hpp"

#include <filesystem>
#include <string>
#include <sys/un.h>
#include <vector>

using namespace modal;
using namespace modal::detail;

TEST_CASE("lookup: reads numeric addresses at once", "[net][lookup]") {
  for (const auto* host : {"127.0.0.1", "::1"}) {
    lookup search(host, "80");
    REQUIRE(search.is_over());
    CHECK(search.descriptor() == -1);
    CHECK(search.take().value().size() == 1);
  }
}

TEST_CASE("lookup: tells by its descriptor when a name was found or not", "[net][lookup]") {
  lookup search("localhost", "80");
  if (!search.is_over()) CHECK(wait_for(search.descriptor(), readiness::read, never));
  REQUIRE(search.is_over());
  CHECK(!search.take().value().empty());
  lookup none("name.invalid", "80");
  if (!none.is_over()) CHECK(wait_for(none.descriptor(), readiness::read, never));
  const auto missing = none.take();
  REQUIRE(!missing);
  CHECK(missing.error() == errc::connect_failed);
  CHECK_THAT(missing.error().message(), test::contains("name.invalid"));
}

TEST_CASE("lookup: few threads search, however many names", "[net][lookup]") {
  const auto threads = [] {
    const std::filesystem::directory_iterator all("/proc/self/task");
    return std::distance(begin(all), end(all));
  };
  const auto before = threads();
  std::vector<lookup> all;
  for (int i = 0; i < 200; ++i) all.emplace_back(std::to_string(i) + "name.invalid", "80");
  CHECK(threads() <= before + 8);
  // Those that nobody waits for are not begun: a resolver may take long over each.
  lookup last = std::move(all.back());
  all.clear();
  if (!last.is_over()) CHECK(wait_for(last.descriptor(), readiness::read, never));
  CHECK(!last.take());
}

TEST_CASE("lookup: may be dropped while it searches", "[net][lookup]") {
  lookup search("another.invalid", "80");
  search = lookup();
  CHECK(search.descriptor() == -1);
}

TEST_CASE("connect: fails with the reason, at once or later", "[net][lookup]") {
  CHECK(start_connect(unix_address("/nowhere/at.all")).code == ENOENT);
  lookup search("127.0.0.1", "1");
  auto made = start_connect(search.take().value().at(0));
  if (made.code == 0) {
    CHECK(wait_for(made.socket.native_handle(), readiness::write, never));
    made.code = connect_outcome(made.socket);
  }
  CHECK(made.code == ECONNREFUSED);
}
