// SPDX-License-Identifier: Apache-2.0
// Payloads of the wire protocol on a connection.
#include "support/catch.hpp"
#include "support/machine_bench.hpp"

#include <cstring>
#include <sstream>

using test::machine_bench;

namespace {

std::string post(const std::string& target, std::size_t size, const std::string& fields = {}) {
  return "POST " + target + " HTTP/1.1\r\nhost: a\r\n" + fields +
         "content-length: " + std::to_string(size) + "\r\n\r\n";
}
std::string chunked(const std::string& target, const std::string& chunks,
                    const std::string& fields = {}) {
  return "POST " + target + " HTTP/1.1\r\nhost: a\r\n" + fields +
         "transfer-encoding: chunked\r\n\r\n" + chunks;
}

}  // namespace

TEST_CASE("connection fsm: takes a payload apart as it comes", "[http1][connection_fsm]") {
  const std::string large(100'000, 'x');
  modal::payload sent;
  std::memcpy(sent.extend(5), "hello", 5);
  sent.add_segment(std::as_bytes(std::span(large)));
  sent.add_segment(std::as_bytes(std::span("ab", 2)));
  const auto bytes = sent.to_bytes();
  const std::string wire(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::string expected = "envelope hello\nsegment " + large + "\nsegment ab\n";
  machine_bench b;
  b.terms = {.most_bytes = 1 << 20, .is_payload = true};
  SECTION("with its length") {
    b.send(post("/a", wire.size()));
    b.send(wire);
    CHECK((b.text.find(expected) != std::string::npos));
    CHECK(b.submitted == 1);
  }
  SECTION("byte by byte") {
    for (const char each : post("/a", wire.size()) + wire) b.send({&each, 1});
    CHECK((b.text.find(expected) != std::string::npos));
  }
  SECTION("in chunks") {
    std::ostringstream size;
    size << std::hex << wire.size();
    b.send(chunked("/a", size.str() + "\r\n" + wire + "\r\n0\r\n\r\n"));
    CHECK((b.text.find(expected) != std::string::npos));
  }
  SECTION("whose table and length differ, which is told before the rest has come") {
    b.send(post("/a", wire.size() + 1) + wire.substr(0, 32));
    CHECK(b.problems == 1);
    CHECK(b.text.find("content-length says " + std::to_string(wire.size() + 1)) !=
          std::string::npos);
    CHECK(b.submitted == 0);
  }
  SECTION("in chunks, that are too many by its table") {
    b.terms.most_bytes = 1000;
    b.send(chunked("/a", "20\r\n" + wire.substr(0, 32) + "\r\n"));
    CHECK(b.problems == 1);
    CHECK(b.text.find("the limit is 1000") != std::string::npos);
  }
  SECTION("and asks for memory as it comes") {
    b.has_memory = machine_bench::memory::paused;
    b.send(post("/a", wire.size()) + wire.substr(0, 40));
    CHECK(b.submitted == 0);
    b.has_memory = machine_bench::memory::granted;
    b.grant();
    b.send(wire.substr(40));
    CHECK((b.text.find(expected) != std::string::npos));
  }
}
