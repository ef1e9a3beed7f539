// SPDX-License-Identifier: Apache-2.0
#include <modal/executor/http.hpp>

#include "support/catch.hpp"

TEST_CASE("http response: finds a field whatever its case", "[executor][http]") {
  const modal::http_response response{.status = 200, .headers = {{"Retry-After", "2"}}, .body = ""};
  CHECK(response.header("retry-after") == "2");
  CHECK(response.header("missing").empty());
}

TEST_CASE("mounted call: cancelling nothing is harmless", "[executor][http]") {
  modal::mounted_call().cancel();
}
