// SPDX-License-Identifier: Apache-2.0
#include <modal/client/url.hpp>

#include "support/catch.hpp"

using modal::errc;
using modal::parse_url;

TEST_CASE("url: has host, port and authority", "[client][url]") {
  const auto where = parse_url("http://gpu-7:8080/").value();
  CHECK(where.host == "gpu-7");
  CHECK(where.port == "8080");
  CHECK(where.authority == "gpu-7:8080");
  CHECK(where.unix_path.empty());
}

TEST_CASE("url: without a port means 80", "[client][url]") {
  CHECK(parse_url("http://localhost").value().port == "80");
}

TEST_CASE("url: may name an IPv6 address", "[client][url]") {
  const auto where = parse_url("http://[::1]:99").value();
  CHECK(where.host == "::1");
  CHECK(where.port == "99");
}

TEST_CASE("url: may name a Unix socket", "[client][url]") {
  CHECK(parse_url("http+unix:///tmp/a.sock").value().unix_path == "/tmp/a.sock");
}

TEST_CASE("url: that cannot work is refused with the reason", "[client][url]") {
  for (const char* wrong : {"", "localhost:80", "ftp://a", "https://a", "http://", "http://:80",
                            "http://a:0", "http://a:65536", "http://a:x", "http://a/path",
                            "http://user@a", "http://[::1", "http+unix://relative", "http://a b"}) {
    INFO(wrong);
    const auto refused = parse_url(wrong);
    REQUIRE(!refused);
    CHECK(refused.error() == errc::bad_configuration);
  }
  CHECK(!parse_url("http+unix:///" + std::string(200, 'x')));
}
