// SPDX-License-Identifier: Apache-2.0
#include <modal/function/lazy_stop.hpp>

#include "support/catch.hpp"

using modal::detail::lazy_stop;

TEST_CASE("lazy stop: a token that is asked for before the wish is stopped by its source",
          "[function][lazy_stop]") {
  lazy_stop stop;
  const auto token = stop.token();
  CHECK(token.stop_possible());
  CHECK_FALSE(stop.is_requested());
  auto source = stop.request();
  REQUIRE(source.has_value());
  CHECK(stop.is_requested());
  CHECK_FALSE(token.stop_requested());  // callbacks are for the caller to run
  source->request_stop();
  CHECK(token.stop_requested());
  CHECK(stop.token() == token);
}

TEST_CASE("lazy stop: a token that is asked for after the wish is stopped already",
          "[function][lazy_stop]") {
  lazy_stop stop;
  CHECK_FALSE(stop.request().has_value());
  CHECK(stop.token().stop_requested());
}

TEST_CASE("lazy stop: is wished for once", "[function][lazy_stop]") {
  lazy_stop stop;
  (void)stop.token();
  CHECK(stop.request().has_value());
  CHECK_FALSE(stop.request().has_value());
}

TEST_CASE("lazy stop: another run has another token", "[function][lazy_stop]") {
  lazy_stop stop;
  const auto first = stop.token();
  stop.reset();
  CHECK_FALSE(stop.is_requested());
  CHECK_FALSE(stop.token() == first);
}
