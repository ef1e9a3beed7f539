// SPDX-License-Identifier: Apache-2.0
#include <modal/http1/head.hpp>

#include "support/catch.hpp"

#include <string>

using namespace modal;
using http1::framing;
using http1::step;

namespace {

std::optional<framing> framing_of(std::vector<http_field> fields) {
  return http1::read_framing(fields);
}

}  // namespace

TEST_CASE("head reader: reads lines and fields, however they are cut", "[http1][head]") {
  const std::string text = "\r\nHTTP/1.1 200 OK\r\nA: 1\r\nb:  two words \t\r\nempty:\r\n\r\nbody";
  http1::head_reader reader(1000);
  for (std::size_t size = 0; size < text.size() - 4; ++size)
    REQUIRE(reader.read(std::string_view(text).substr(0, size)) == step::need_more);
  REQUIRE(reader.read(text) == step::done);
  CHECK(reader.start_line() == "HTTP/1.1 200 OK");
  REQUIRE(reader.fields().size() == 3);
  CHECK(reader.fields()[1].name == "b");
  CHECK(reader.fields()[1].value == "two words");
  CHECK(reader.fields()[2].value.empty());
  CHECK(text.substr(reader.size()) == "body");
}

TEST_CASE("head reader: refuses what is not in the grammar", "[http1][head]") {
  const std::string nul("HTTP/1.1 200 OK\r\na: \0\r\n\r\n", 25);
  for (const std::string& text : {std::string("HTTP/1.1 200 OK\r\n folded: 1\r\n\r\n"),
                                  std::string("HTTP/1.1 200 OK\r\na: 1\r\n more\r\n\r\n"),
                                  std::string("HTTP/1.1 200 OK\r\na:\r\n 1\r\n\r\n"),
                                  std::string("HTTP/1.1 200 OK\r\na : 1\r\n\r\n"),
                                  std::string("HTTP/1.1 200 OK\r\n: 1\r\n\r\n"),
                                  std::string("HTTP/1.1 200 OK\r\nnone\r\n\r\n"),
                                  std::string("HTTP/1.1 200 OK\r\na: 1\nb: 2\r\n\r\n"),
                                  std::string("HTTP/1.1 200 OK\r\na: 1\rb: 2\r\n\r\n"),
                                  std::string("HTTP/1.1\n200 OK\r\na: 1\r\n\r\n"), nul}) {
    INFO(text);
    http1::head_reader reader(1000);
    CHECK(reader.read(text) == step::failed);
    CHECK(std::string(reader.failure()).starts_with("has "));
  }
}

TEST_CASE("head reader: one byte more than the limit is too large", "[http1][head]") {
  const std::string text = "HTTP/1.1 200 OK\r\na: 1\r\n\r\n";
  http1::head_reader fits(text.size());
  CHECK(fits.read(text) == step::done);
  http1::head_reader tight(text.size() - 1);
  CHECK(tight.read(text) == step::failed);
  CHECK(tight.is_too_large());
  http1::head_reader endless(16);
  CHECK(endless.read(std::string(16, 'x')) == step::failed);
  CHECK(endless.is_too_large());
}

TEST_CASE("framing: says how long a body is, or that nobody knows", "[http1][head]") {
  CHECK(framing_of({}) == framing{});
  CHECK(framing_of({{"Content-Length", "5"}}) == framing{framing::kind::length, 5});
  CHECK(framing_of({{"content-length", "5, 5"}}) == framing{framing::kind::length, 5});
  CHECK(framing_of({{"transfer-encoding", "Chunked"}}) == framing{framing::kind::chunked, 0});
  CHECK(!framing_of({{"content-length", "5"}, {"content-length", "6"}}));
  CHECK(!framing_of({{"content-length", "5, 6"}}));
  CHECK(!framing_of({{"content-length", ""}}));
  CHECK(!framing_of({{"content-length", "-1"}}));
  CHECK(!framing_of({{"content-length", "+1"}}));
  CHECK(!framing_of({{"content-length", "0x10"}}));
  CHECK(!framing_of({{"content-length", "18446744073709551616"}}));
  CHECK(!framing_of({{"content-length", "5"}, {"transfer-encoding", "chunked"}}));
  CHECK(!framing_of({{"transfer-encoding", "gzip, chunked"}}));
  CHECK(!framing_of({{"transfer-encoding", "chunked"}, {"transfer-encoding", "chunked"}}));
}

TEST_CASE("tokens: are found in lists without regard to case", "[http1][head]") {
  CHECK(http1::has_token("keep-alive, Close", "close"));
  CHECK(!http1::has_token("closed", "close"));
  const std::vector<http_field> fields{{"connection", "x"}, {"Connection", "close"}};
  CHECK(http1::has_token(fields, "connection", "close"));
  CHECK(http1::is_token("a-b!"));
  CHECK(!http1::is_token(""));
  CHECK(!http1::is_token("a b"));
  CHECK(http1::is_field_value("\xc3\xa4\t"));
  CHECK(!http1::is_field_value("\x7f"));
}

TEST_CASE("status line: has a version, three digits and a reason", "[http1][head]") {
  CHECK(http1::parse_status_line("HTTP/1.1 204 No Content")->status == 204);
  CHECK(http1::parse_status_line("HTTP/1.0 200")->version == 10);
  CHECK(http1::parse_status_line("HTTP/1.1 200 ")->status == 200);
  for (const auto* line : {"", "HTTP/1.1", "HTTP/1.1 20", "HTTP/1.1 2000 OK", "HTTP/1.1  200 OK",
                           "HTTP/1.10 200 OK", "http/1.1 200 OK", "HTTP/1.1 099 X", "HTTP/1.1 2x0"})
    CHECK(!http1::parse_status_line(line));
}
