// SPDX-License-Identifier: Apache-2.0
#include "http1/request_reader.hpp"

#include <support/catch.hpp>

using namespace modal;
using modal::detail::request_reader;
using step = request_reader::step;

namespace {

const limits bounds{.header_bytes = 2048};

int status_of(const std::string& head) {
  request_reader reader(bounds);
  const auto result = reader.read_head(head);
  if (result == step::need_more) return 0;
  return result == step::done ? 200 : reader.failure_status();
}

std::string with(const std::string& line) { return line + "\r\nhost: a\r\n\r\n"; }

}  // namespace

TEST_CASE("request_reader: reads a head that comes byte by byte", "[http1][request_reader]") {
  const std::string text =
      "POST /v1/x?y HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\nEmpty:\r\nX:  spaced \r\n\r\nrest";
  request_reader reader(bounds);
  const std::size_t size = text.size() - 4;
  for (std::size_t i = 0; i < size; ++i)
    REQUIRE(reader.read_head(text.substr(0, i)) == step::need_more);
  REQUIRE(reader.read_head(text) == step::done);
  CHECK(reader.head_size() == size);
  CHECK(reader.head().method == "POST");
  CHECK(reader.head().target == "/v1/x?y");
  CHECK(reader.head().content_length == 12U);
  CHECK_FALSE(reader.head().is_chunked);
  CHECK(reader.head().fields.size() == 4);
  CHECK(find_field(reader.head().fields, "x") == "spaced");
  CHECK(reader.keeps_alive());
}

TEST_CASE("request_reader: skips empty lines before a request", "[http1][request_reader]") {
  request_reader reader(bounds);
  const std::string text = "\r\n\r\n" + with("GET / HTTP/1.1");
  REQUIRE(reader.read_head(text) == step::done);
  CHECK(reader.head_size() == text.size());
}

TEST_CASE("request_reader: reads one request after the other", "[http1][request_reader]") {
  request_reader reader(bounds);
  std::string text = with("GET /1 HTTP/1.1") + with("GET /2 HTTP/1.1");
  REQUIRE(reader.read_head(text) == step::done);
  CHECK(reader.head().target == "/1");
  const std::string rest = text.substr(reader.head_size());
  REQUIRE(reader.read_head(rest) == step::done);
  CHECK(reader.head().target == "/2");
}

TEST_CASE("request_reader: knows when a connection ends", "[http1][request_reader]") {
  const auto keeps = [](const std::string& text) {
    request_reader reader(bounds);
    REQUIRE(reader.read_head(text) == step::done);
    return reader.keeps_alive();
  };
  CHECK(keeps("GET / HTTP/1.1\r\nhost: a\r\n\r\n"));
  CHECK_FALSE(keeps("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"));
  CHECK_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
  CHECK(keeps("GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n"));
}

TEST_CASE("request_reader: refuses what is no HTTP/1.1", "[http1][request_reader]") {
  CHECK(status_of(with("GET / HTTP/1.1")) == 200);
  CHECK(status_of(with("GET /")) == 400);
  CHECK(status_of(with("GET  / HTTP/1.1")) == 400);
  CHECK(status_of(with("GET / HTTP/2.0")) == 505);
  CHECK(status_of(with("\x16\x03\x01")) == 400);
  CHECK(status_of("GET / HTTP/1.1\r\n\r\n") == 400);
  CHECK(status_of("GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n") == 400);
  CHECK(status_of("GET / HTTP/1.1\r\nhost: a\r\nbad name: b\r\n\r\n") == 400);
  CHECK(status_of("GET / HTTP/1.1\r\nhost: a\r\nx: y\r\n z\r\n\r\n") == 400);
  CHECK(status_of("POST / HTTP/1.1\r\nhost: a\r\ncontent-length:\r\n 14\r\n\r\n") == 400);
  CHECK(status_of(with("GET /heal thz HTTP/1.1")) == 400);
  CHECK(status_of(with("GET / HTTP/1.10")) == 400);
  CHECK(status_of(with("GET / http/1.1")) == 400);
  CHECK(status_of(with("G@T / HTTP/1.1")) == 400);
  CHECK(status_of(with("GET /\x01 HTTP/1.1")) == 400);
}

TEST_CASE("request_reader: looks at the host", "[http1][request_reader]") {
  const auto host = [](const std::string& value) {
    return status_of("GET / HTTP/1.1\r\nhost: " + value + "\r\n\r\n");
  };
  for (const auto* good :
       {"", "a", "a:1", "example.org:65535", "127.0.0.1", "[::1]", "[::1]:80", "a%20b", "a:"})
    CHECK(host(good) == 200);
  for (const auto* bad :
       {"a b", "a/b", "a@b", "a:b", "a:1:2", "[::1", "[]", "[::1]x", "a:123456", "\"a\"", "<a>"})
    CHECK(host(bad) == 400);
}

TEST_CASE("request_reader: refuses requests whose end is not sure", "[http1][request_reader]") {
  const auto post = [](const std::string& fields) {
    return status_of("POST / HTTP/1.1\r\nhost: a\r\n" + fields + "\r\n\r\n");
  };
  CHECK(post("content-length: 1\r\ncontent-length: 2") == 400);
  CHECK(post("content-length: 1, 2") == 400);
  CHECK(post("content-length: -1") == 400);
  CHECK(post("content-length: 99999999999999999999") == 400);
  CHECK(post("content-length: 1\r\ntransfer-encoding: chunked") == 400);
  CHECK(post("transfer-encoding: chunked\r\ncontent-length: 1") == 400);
  CHECK(post("transfer-encoding: gzip") == 501);
  CHECK(post("transfer-encoding: gzip, chunked") == 501);
  CHECK(post("transfer-encoding: chunked") == 200);
  CHECK(status_of("POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n") == 400);
}

TEST_CASE("request_reader: bounds the header", "[http1][request_reader]") {
  const std::string start = "GET / HTTP/1.1\r\nhost: a\r\nx: ";
  const std::string end = "\r\n\r\n";
  const std::string fits(2048 - start.size() - end.size(), 'x');
  CHECK(status_of(start + fits + end) == 200);
  CHECK(status_of(start + fits + "x" + end) == 431);
  CHECK(status_of(start + std::string(5000, 'x')) == 431);
  std::string many = "GET / HTTP/1.1\r\nhost: a\r\n";
  for (int i = 0; i < 63; ++i) many += "a: b\r\n";
  CHECK(status_of(many + "\r\n") == 200);
  CHECK(status_of(many + "a: b\r\n\r\n") == 431);
}

TEST_CASE("request_reader: reads chunks however they are split", "[http1][request_reader]") {
  const std::string head = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
  const std::string body = "4;ext=1\r\nabcd\r\nA\r\n0123456789\r\n0\r\ntrailer: x\r\n\r\n";
  for (std::size_t piece = 1; piece <= body.size(); ++piece) {
    request_reader reader(bounds);
    REQUIRE(reader.read_head(head) == step::done);
    REQUIRE(reader.head().is_chunked);
    std::string waiting;
    std::string whole;
    step last = step::need_more;
    for (std::size_t i = 0; i < body.size() && last == step::need_more; i += piece) {
      waiting += body.substr(i, piece);
      for (std::string_view found = "any"; last == step::need_more && !found.empty();) {
        found = {};
        std::size_t used = 0;
        last = reader.read_chunk(waiting, found, used);
        REQUIRE(used >= found.size());
        if (!found.empty()) CHECK(found.data() + found.size() == waiting.data() + used);
        whole += found;
        waiting.erase(0, used);
      }
    }
    CHECK(last == step::done);
    CHECK(whole == "abcd0123456789");
    CHECK(waiting.empty());
  }
}

TEST_CASE("request_reader: refuses malformed chunks, and large ones by their size",
          "[http1][request_reader]") {
  const auto status = [](const std::string& body) {
    request_reader reader(bounds);
    const std::string head = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
    REQUIRE(reader.read_head(head) == step::done);
    std::string_view rest = body;
    step last = step::need_more;
    for (std::string_view piece = "any"; last == step::need_more && !piece.empty();) {
      piece = {};
      std::size_t used = 0;
      last = reader.read_chunk(rest, piece, used);
      rest.remove_prefix(used);
    }
    CHECK(last == step::failed);
    return reader.failure_status();
  };
  for (const auto* body : {"x\r\nabcd\r\n", "4\r\nabcde\r\n0\r\n\r\n", "-1\r\n\r\n"})
    CHECK(status(body) == 400);
  for (const auto* body : {"fffffffffffffffff\r\n", "ffffffffffffffff\r\n", "40000001\r\n"})
    CHECK(status(body) == 413);
}
