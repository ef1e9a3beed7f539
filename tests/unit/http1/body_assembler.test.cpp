// SPDX-License-Identifier: Apache-2.0
#include "http1/body_assembler.hpp"

#include "support/catch.hpp"
#include "support/segment_store.hpp"
#include "support/wire.hpp"

#include <algorithm>
#include <cstring>
#include <string>

using namespace modal;
using detail::body_assembler;
using shape = body_assembler::shape;

namespace {

constexpr std::size_t plenty = 1 << 30;

std::string some_text(std::size_t size, char first) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i)
    text[i] = static_cast<char>(first + static_cast<char>(i % 23));
  return text;
}

bytes_view bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }
std::string text_of(bytes_view bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct sample {
  explicit sample(std::vector<std::size_t> sizes, std::size_t envelope_size = 100)
      : envelope(some_text(envelope_size, 'a')) {
    for (std::size_t i = 0; i < sizes.size(); ++i)
      segments.push_back(some_text(sizes[i], static_cast<char>('A' + i)));
    payload made;
    if (envelope_size != 0) std::memcpy(made.extend(envelope_size), envelope.data(), envelope_size);
    for (const auto& each : segments) made.add_segment(bytes_of(each));
    wire = text_of(made.to_bytes());
  }
  std::string envelope;
  std::vector<std::string> segments;
  std::string wire;
};

void check_same(const incoming_body& body, const sample& sent) {
  REQUIRE(body.parts() != nullptr);
  CHECK(body.size() == sent.wire.size());
  CHECK(body.parts()->size() == sent.wire.size());
  CHECK(text_of(body.parts()->envelope()) == sent.envelope);
  const auto& segments = body.parts()->segments();
  REQUIRE(segments.size() == sent.segments.size());
  for (std::size_t i = 0; i < segments.size(); ++i) {
    CHECK((text_of(segments[i]) == sent.segments[i]));
    CHECK(reinterpret_cast<std::uintptr_t>(segments[i].data()) % segment_alignment == 0);
  }
}

// Gives whatever room it wants. Returns whether it took all.
bool feed(body_assembler& to, test::segment_store& store, std::string_view piece) {
  while (!piece.empty()) {
    piece.remove_prefix(to.append(piece));
    const auto part = to.want();
    if (!part) return piece.empty() && !to.failure();
    to.give(store.find_room(*part, {}).value());
  }
  return true;
}

errc failure_of(const body_assembler& from) { return from.failure().value().value(); }

}  // namespace

TEST_CASE("body assembler: takes as much as it says, and then wants room or is complete",
          "[http1][body]") {
  buffer_pool pool;
  const decode_limits bounds;
  for (const auto& sizes : std::vector<std::vector<std::size_t>>{
           {}, {0}, {5}, {70'000}, {10, 70'000, 0, 65'536, 65'535, 1}, {65'536, 65'536, 0}}) {
    const sample sent(sizes);
    test::segment_store store(30'000);
    body_assembler assembler(pool);
    assembler.begin(shape::payload, sent.wire.size(), plenty, bounds);
    std::string_view left = sent.wire;
    while (!assembler.is_complete()) {
      if (const auto part = assembler.want()) {
        CHECK(assembler.takes() == 0);
        assembler.give(store.find_room(*part, {}).value());
      }
      const std::size_t size = assembler.takes();
      REQUIRE(size != 0);
      REQUIRE(size <= left.size());
      REQUIRE(assembler.append(left.substr(0, size)) == size);
      left.remove_prefix(size);
    }
    CHECK(left.empty());
    CHECK(assembler.takes() == 0);
    check_same(assembler.take(), sent);
  }
}

TEST_CASE("body assembler: puts a payload together, however it is cut", "[http1][body]") {
  buffer_pool pool;
  const decode_limits bounds;
  for (const auto& sizes : std::vector<std::vector<std::size_t>>{
           {}, {0}, {5}, {70'000}, {10, 70'000, 0, 65'536, 65'535, 1}, {65'536, 65'536, 0}}) {
    for (const std::size_t envelope : {0U, 1U, 100U, 5000U}) {
      const sample sent(sizes, envelope);
      for (const std::size_t cut : {1U, 7U, 64U, 4096U, 1'000'000U}) {
        for (const bool is_length_known : {true, false}) {
          test::segment_store store(cut == 7 ? 1000 : SIZE_MAX);
          body_assembler assembler(pool);
          assembler.begin(shape::payload,
                          is_length_known ? std::optional(sent.wire.size()) : std::nullopt, plenty,
                          bounds);
          std::string_view left = sent.wire;
          while (!left.empty()) {
            if (assembler.is_complete() || !feed(assembler, store, left.substr(0, cut))) break;
            left.remove_prefix(std::min<std::size_t>(cut, left.size()));
          }
          REQUIRE(left.empty());
          REQUIRE(assembler.received() == sent.wire.size());
          REQUIRE(assembler.end());
          REQUIRE(assembler.is_complete());
          check_same(assembler.take(), sent);
          CHECK(assembler.received() == 0);
        }
      }
    }
  }
}

TEST_CASE("body assembler: large segments have memory of their own, to read to", "[http1][body]") {
  buffer_pool pool;
  const decode_limits bounds;
  const sample sent({100, 100'000, 65'536});
  body_assembler assembler(pool);
  assembler.begin(shape::payload, sent.wire.size(), plenty, bounds);
  test::segment_store store(70'000);
  std::string_view left = sent.wire;
  std::vector<std::size_t> direct;
  while (!left.empty()) {
    REQUIRE(assembler.make_ready());
    if (const auto part = assembler.want()) assembler.give(store.find_room(*part, {}).value());
    const auto room = assembler.room();
    if (room.size() >= 4096) {
      direct.push_back(room.size());
      std::memcpy(room.data(), left.data(), room.size());
      assembler.commit(room.size());
      left.remove_prefix(room.size());
    } else {
      REQUIRE(assembler.append(left.substr(0, 1)) == 1);
      left.remove_prefix(1);
    }
  }
  CHECK(direct == std::vector<std::size_t>{70'000, 30'000, 65'536});
  CHECK(store.asked ==
        std::vector<segment_part>{{1, 0, 100'000}, {1, 70'000, 30'000}, {2, 0, 65'536}});
  const auto body = assembler.take();
  check_same(body, sent);
  CHECK(body.block().size() == 128 + 100);  // the envelope, and the small segment behind it
}

TEST_CASE("body assembler: refuses a payload as soon as its table is here", "[http1][body]") {
  buffer_pool pool;
  const decode_limits bounds{.segments = 2};
  body_assembler assembler(pool);
  const auto refusal = [&](const sample& sent, std::optional<std::size_t> length,
                           std::size_t most = plenty) {
    assembler.begin(shape::payload, length, most, bounds);
    const std::size_t table = (16 + 8 * sent.segments.size() + 15) / 16 * 16;
    assembler.append(sent.wire.substr(0, table - 1));
    if (!assembler.failure()) assembler.append(sent.wire.substr(table - 1, 1));
    CHECK(assembler.failure());
    CHECK(assembler.append("more") == 0);
    CHECK_FALSE(assembler.want());
    CHECK_FALSE(assembler.end());
    return failure_of(assembler);
  };
  const sample sent({10, 20});
  CHECK(refusal(sent, sent.wire.size() + 1) == errc::malformed_payload);
  CHECK(refusal(sent, sent.wire.size() - 1) == errc::malformed_payload);
  CHECK(refusal(sent, std::nullopt, sent.wire.size() - 1) == errc::too_large);
  CHECK(refusal(sample({1, 2, 3}), std::nullopt) == errc::too_large);
  auto forged = sent;
  forged.wire[0] = 'x';
  CHECK(refusal(forged, std::nullopt) == errc::malformed_payload);
  forged = sent;
  std::fill_n(forged.wire.begin() + 16, 8, '\xff');
  CHECK(refusal(forged, std::nullopt) == errc::malformed_payload);
  assembler.begin(shape::payload, 15, plenty, bounds);
  CHECK(failure_of(assembler) == errc::malformed_payload);
}

TEST_CASE("body assembler: notices bytes that are missing or too many", "[http1][body]") {
  buffer_pool pool;
  const decode_limits bounds;
  const sample sent({10});
  for (std::size_t size = 0; size < sent.wire.size(); ++size) {
    body_assembler assembler(pool);
    assembler.begin(shape::payload, std::nullopt, plenty, bounds);
    REQUIRE(assembler.append(std::string_view(sent.wire).substr(0, size)) == size);
    CHECK_FALSE(assembler.end());
    CHECK(failure_of(assembler) == errc::malformed_payload);
  }
  body_assembler assembler(pool);
  assembler.begin(shape::payload, std::nullopt, plenty, bounds);
  CHECK(assembler.append(sent.wire + "x") == sent.wire.size());
  CHECK(failure_of(assembler) == errc::malformed_payload);
}

TEST_CASE("body assembler: a text is one block, and says what it will take", "[http1][body]") {
  buffer_pool pool;
  const decode_limits bounds;
  const std::string text = some_text(10'000, 'a');
  body_assembler assembler(pool);
  SECTION("of a length that is known") {
    assembler.begin(shape::text, text.size(), plenty, bounds);
    CHECK(assembler.memory_for(5000) == 5000);
    assembler.append(text.substr(0, 3));
    CHECK(assembler.room().size() == text.size() - 3);
    std::memcpy(assembler.room().data(), text.data() + 3, text.size() - 3);
    assembler.commit(text.size() - 3);
  }
  SECTION("of one that is not") {
    assembler.begin(shape::text, std::nullopt, 12'000, bounds);
    CHECK(assembler.memory_for(1000) == 1000);
    assembler.append(text.substr(0, 1000));
    CHECK(assembler.memory_for(900) == 1000);
    CHECK(assembler.memory_for(1001) == 2000);
    CHECK(assembler.memory_for(5000) == 5000);
    assembler.append(text.substr(1000, 6000));
    CHECK(assembler.memory_for(7001) == 12'000);
    assembler.append(text.substr(7000));
    CHECK_FALSE(assembler.is_complete());
    REQUIRE(assembler.end());
  }
  REQUIRE(assembler.is_complete());
  const auto body = assembler.take();
  CHECK(body.parts() == nullptr);
  CHECK((text_of(body.block()) == text));
  CHECK(body.size() == text.size());
}

TEST_CASE("body assembler: a text may be empty", "[http1][body]") {
  buffer_pool pool;
  const decode_limits bounds;
  body_assembler assembler(pool);
  assembler.begin(shape::text, 0, plenty, bounds);
  CHECK(assembler.is_complete());
  assembler.begin(shape::text, std::nullopt, plenty, bounds);
  CHECK(assembler.end());
  CHECK(assembler.take().size() == 0);
}
