// SPDX-License-Identifier: Apache-2.0
// Payloads of the wire protocol on a connection.
#include "support/catch.hpp"
#include "support/machine_bench.hpp"

#include <cstring>
#include <sstream>

using test::chunked;
using test::machine_bench;
using test::post;

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
  SECTION("and asks for room for the large segment, piece by piece") {
    b.send(post("/a", wire.size()) + wire);
    REQUIRE(b.segments.asked.size() == 34);  // of 3,000 bytes each
    CHECK(b.segments.asked[0] == modal::segment_part{0, 0, 100'000});
    CHECK(b.segments.asked[33] == modal::segment_part{0, 99'000, 1000});
  }
}

TEST_CASE("connection fsm: does not read a segment until there is room for it",
          "[http1][connection_fsm]") {
  using std::chrono::seconds;
  const std::string large(100'000, 'x');
  modal::payload sent;
  sent.add_segment(std::as_bytes(std::span(large)));
  const auto bytes = sent.to_bytes();
  const std::string wire(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const bool is_chunked = GENERATE(false, true);
  std::ostringstream request;
  if (is_chunked)
    request << chunked("/a", "") << std::hex << wire.size() << "\r\n" << wire << "\r\n0\r\n\r\n";
  else
    request << post("/a", wire.size()) << wire;
  machine_bench b;
  b.terms = {.deadline = b.now + seconds(1000), .most_bytes = 1 << 20, .is_payload = true};
  b.segments.has_none = true;
  b.send(request.str());
  REQUIRE(b.segments.asked.size() == 1);
  CHECK(b.unread() > 80'000);

  SECTION("and then goes on, however long that took") {
    b.wait(seconds(500));
    CHECK(b.segments.asked.size() == 1);
    CHECK(b.problems == 0);
    b.make_room();
    CHECK((b.text.find("segment " + large + "\n") != std::string::npos));
    CHECK(b.segments.asked.size() == 35);
    CHECK(b.submitted == 1);
  }
  SECTION("which may be in the middle") {
    b.segments.has_none = false;
    b.on_action = [&b](std::size_t) { b.segments.has_none = b.segments.asked.size() == 20; };
    b.machine.resume(b.now);
    b.run();
    b.wait(seconds(100));
    CHECK(b.segments.asked.size() == 21);
    b.on_action = nullptr;
    b.make_room();
    CHECK((b.text.find("segment " + large + "\n") != std::string::npos));
    CHECK(b.segments.asked.size() == 36);
  }
  SECTION("and gives up at the deadline") {
    b.wait(seconds(1000));
    CHECK(b.problems == 1);
    CHECK(b.text.find("deadline") != std::string::npos);
    b.make_room();
    CHECK(b.submitted == 0);
  }
  SECTION("and notices that the client has gone") {
    b.end();
    b.wait(seconds(60));
    CHECK(b.is_closed);
    b.make_room();
    CHECK(b.submitted == 0);
  }
}
