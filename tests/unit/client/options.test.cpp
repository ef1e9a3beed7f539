// SPDX-License-Identifier: Apache-2.0
#include <modal/client/options.hpp>

#include "support/catch.hpp"

TEST_CASE("call options: repeat no call that may have run, by default", "[client][options]") {
  CHECK(modal::call_options{}.lost == modal::on_lost::fail);
}

TEST_CASE("call options: a timeout is set or not, and zero is one", "[client][options]") {
  CHECK(!modal::call_options{}.timeout);
  const modal::call_options none{.timeout = std::chrono::seconds{0}};
  CHECK(none.timeout.has_value());
}

TEST_CASE("client config: keeps connections shorter than an executor does", "[client][options]") {
  const modal::client_config config;
  CHECK(config.idle_timeout < modal::limits{}.idle_timeout);
  CHECK(config.timeout.count() > 0);
}
