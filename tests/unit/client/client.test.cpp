// SPDX-License-Identifier: Apache-2.0
#include <modal/client/client.hpp>

#include "support/catch.hpp"

TEST_CASE("client: does not connect when it is made", "[client]") {
  CHECK_NOTHROW(modal::client("http://127.0.0.1:1"));
}

TEST_CASE("client: refuses settings that cannot work", "[client]") {
  CHECK_THROWS_AS(modal::client("nonsense"), modal::call_error);
  CHECK_THROWS_AS(modal::client("http://a", {.timeout = std::chrono::milliseconds{0}}),
                  modal::call_error);
  CHECK_THROWS_AS(modal::client("http://a", {.limits = {.header_bytes = 100}}), modal::call_error);
  CHECK_THROWS_AS(modal::client("http://a", {.limits = {.body_bytes = 0}}), modal::call_error);
}

TEST_CASE("client: says what to do where there is no executor", "[client]") {
  try {
    modal::client::in_process();
    FAIL("no executor is linked into this test");
  } catch (const modal::call_error& failure) {
    CHECK(failure.reason() == modal::errc::bad_configuration);
    CHECK_THAT(std::string(failure.what()), test::contains("MODAL_URL"));
  }
}
