// SPDX-License-Identifier: Apache-2.0
#include "http1/response_head.hpp"

#include <support/catch.hpp>

using namespace modal::detail;

TEST_CASE("response_head: writes status, date, type, length and fields", "[http1][response_head]") {
  reply answer;
  answer.content_type = "text/plain";
  answer.fields = "x: y\r\n";
  std::string out = "old";
  write_response_head(out, answer, 12, connection_option::close);
  CHECK(out.starts_with("HTTP/1.1 200 OK\r\ndate: "));
  CHECK_THAT(out,
             test::contains(" GMT\r\ncontent-type: text/plain\r\ncontent-length: 12\r\nx: y\r\n"
                            "connection: close\r\n\r\n"));
}

TEST_CASE("response_head: leaves the length out where there is no body", "[http1][response_head]") {
  reply answer;
  answer.status = 304;
  std::string out;
  write_response_head(out, answer, 0, connection_option::keep_alive);
  CHECK(out.starts_with("HTTP/1.1 304 Not Modified\r\n"));
  CHECK(out.find("content-length") == std::string::npos);
  CHECK(out.ends_with("connection: keep-alive\r\n\r\n"));
}
