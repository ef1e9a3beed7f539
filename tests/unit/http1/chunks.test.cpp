// SPDX-License-Identifier: Apache-2.0
#include <modal/http1/chunks.hpp>

#include "support/catch.hpp"

#include <string>

using namespace modal;
using http1::chunk_reader;
using http1::step;

namespace {

struct outcome {
  step last = step::need_more;
  std::string body;
  std::string rest;
};

// Feeds `text` in pieces of `size` bytes.
outcome read(chunk_reader reader, std::string_view text, std::size_t size) {
  outcome out;
  while (!text.empty() && out.last == step::need_more) {
    auto input = text.substr(0, size);
    text.remove_prefix(input.size());
    for (;;) {
      std::string_view piece;
      out.last = reader.read(input, piece);
      out.body += piece;
      if (out.last != step::need_more || piece.empty()) break;
    }
    if (out.last == step::done) out.rest = std::string(input) + std::string(text);
  }
  return out;
}

}  // namespace

TEST_CASE("chunk reader: joins the chunks, however they are cut", "[http1][chunks]") {
  const std::string text =
      "3\r\nhel\r\n000B;name=\"v\"\r\nlo, world!!\r\n0\r\ntrailer: x\r\nb: y\r\n\r\nnext";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    const auto got = read(chunk_reader(100, 100), text, size);
    REQUIRE(got.last == step::done);
    CHECK(got.body == "hello, world!!");
    CHECK(got.rest == "next");
  }
}

TEST_CASE("chunk reader: refuses what is not in the grammar", "[http1][chunks]") {
  for (const auto* text :
       {"\r\n", "x\r\n", "-1\r\n", "3\nhel", "3\r\nhelx\r\n", "3\r\nhel\n", " 3\r\n", "0x3\r\n",
        "3;\nhel", "0\r\n\r0", "0\r\na\n\r\n", "0\r\n\nGET / HTTP/1.1\r\n\r\n",
        "0\r\n x: y\r\n\r\n", "10000000000000000\r\n"}) {
    INFO(text);
    CHECK(read(chunk_reader(~std::uint64_t{0}, 100), text, 1).last == step::failed);
  }
}

TEST_CASE("chunk reader: refuses a size when it reads it", "[http1][chunks]") {
  for (const auto* text : {"6\r\n", "ffffffffffffffff\r\n", "3\r\nabc\r\n3\r\n"}) {
    INFO(text);
    chunk_reader reader(5, 100);
    std::string_view input = text;
    std::string_view piece;
    step last = step::need_more;
    do last = reader.read(input, piece);
    while (last == step::need_more && !piece.empty());
    CHECK(last == step::failed);
    CHECK(reader.is_too_large());
  }
}

TEST_CASE("chunk reader: bounds what is no body", "[http1][chunks]") {
  CHECK(read(chunk_reader(100, 20), "1;" + std::string(30, 'e'), 7).last == step::failed);
  CHECK(read(chunk_reader(100, 20), "0\r\n" + std::string(30, 't'), 7).last == step::failed);
  // A chunk's own bytes do not count.
  CHECK(read(chunk_reader(100, 20), "40\r\n" + std::string(64, 'b') + "\r\n0\r\n\r\n", 7).last ==
        step::done);
}
