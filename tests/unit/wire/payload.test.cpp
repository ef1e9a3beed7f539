// SPDX-License-Identifier: Apache-2.0
#include <modal/wire/payload.hpp>

#include "support/catch.hpp"
#include "support/wire.hpp"

#include <cstring>
#include <sstream>

using modal::errc;

namespace {

std::vector<std::byte> filled(std::size_t size, int value) {
  return std::vector<std::byte>(size, static_cast<std::byte>(value));
}

void append(modal::payload& out, const std::vector<std::byte>& bytes) {
  if (!bytes.empty()) std::memcpy(out.extend(bytes.size()), bytes.data(), bytes.size());
}

bool same_bytes(modal::bytes_view a, modal::bytes_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

modal::error parse_error(modal::bytes_view bytes, const modal::decode_limits& bounds = {}) {
  const test::received body(bytes);
  const auto parsed = modal::payload_view::parse(body.view(), bounds);
  REQUIRE_FALSE(parsed.has_value());
  return parsed.error();
}

void put(std::vector<std::byte>& bytes, std::size_t offset, std::uint64_t value) {
  std::memcpy(bytes.data() + offset, &value, sizeof value);
}

}  // namespace

TEST_CASE("payload: starts with the magic number and the sizes", "[wire][payload]") {
  modal::payload out;
  append(out, filled(5, 7));
  const auto bytes = out.to_bytes();
  REQUIRE(bytes.size() == 21);
  CHECK(std::memcmp(bytes.data(), "MDP2", 4) == 0);
  CHECK(bytes[4] == std::byte{0});
  CHECK(bytes[8] == std::byte{5});
  CHECK(bytes[16] == std::byte{7});
}

TEST_CASE("payload: without segments is one part", "[wire][payload]") {
  modal::payload out;
  append(out, filled(10'000, 1));
  std::vector<modal::bytes_view> parts;
  out.gather(parts);
  CHECK(parts.size() == 1);
  CHECK(parts.front().size() == out.wire_size());
}

TEST_CASE("payload: gathers segments from where they lie", "[wire][payload]") {
  const auto first = filled(100, 1);
  const auto second = filled(64, 2);
  modal::payload out;
  append(out, filled(3, 9));
  out.add_segment(first);
  out.add_segment(second);
  std::vector<modal::bytes_view> parts;
  out.gather(parts);
  const auto refers_to = [&parts](const std::vector<std::byte>& segment) {
    return std::any_of(parts.begin(), parts.end(), [&](modal::bytes_view part) {
      return part.data() == segment.data() && part.size() == segment.size();
    });
  };
  CHECK(refers_to(first));
  CHECK(refers_to(second));
}

TEST_CASE("payload: wire_size is the size of what arrives", "[wire][payload]") {
  const auto segment = filled(100, 1);
  for (std::size_t segments = 0; segments < 5; ++segments) {
    for (std::size_t envelope = 0; envelope < 130; ++envelope) {
      modal::payload out;
      append(out, filled(envelope, 3));
      for (std::size_t i = 0; i < segments; ++i) out.add_segment(segment);
      REQUIRE(out.to_bytes().size() == out.wire_size());
    }
  }
}

TEST_CASE("payload: what was sent is what is parsed", "[wire][payload]") {
  const auto envelope = filled(700, 1);
  const auto first = filled(100, 2);
  const std::vector<std::byte> second;
  const auto third = filled(5000, 3);
  modal::payload out;
  append(out, envelope);
  for (const auto* segment : {&first, &second, &third}) out.add_segment(*segment);
  const test::received body(out.to_bytes());
  const auto view = modal::payload_view::parse(body.view(), {}).value();
  CHECK(same_bytes(view.envelope(), envelope));
  REQUIRE(view.segments().size() == 3);
  CHECK(same_bytes(view.segments()[0], first));
  CHECK(view.segments()[1].empty());
  CHECK(same_bytes(view.segments()[2], third));
}

TEST_CASE("payload view: envelope and segments are aligned", "[wire][payload]") {
  const auto segment = filled(100, 2);
  modal::payload out;
  append(out, filled(7, 1));
  for (int i = 0; i < 3; ++i) out.add_segment(segment);
  const test::received body(out.to_bytes());
  const auto view = modal::payload_view::parse(body.view(), {}).value();
  const auto offset = [&](modal::bytes_view part) {
    return static_cast<std::size_t>(part.data() - body.view().data());
  };
  CHECK(offset(view.envelope()) % modal::envelope_alignment == 0);
  for (std::size_t i = 0; i < 3; ++i)
    CHECK(offset(view.segments()[i]) % modal::segment_alignment == 0);
}

TEST_CASE("payload layout: says from the table where everything lies", "[wire][payload]") {
  const auto first = filled(10, 1);
  const auto second = filled(70, 2);
  modal::payload out;
  append(out, filled(5, 3));
  out.add_segment(first);
  out.add_segment(second);
  const test::received body(out.to_bytes());
  const auto begin = modal::payload_layout::table_end(body.view(), {}).value();
  CHECK(begin == 32);
  const auto layout = modal::payload_layout::read(body.view().first(begin), {}).value();
  CHECK(layout.envelope_begin == 32);
  CHECK(layout.envelope_bytes == 5);
  CHECK(layout.segments == std::vector<std::size_t>{10, 70});
  CHECK(layout.total == 64 + 64 + 70);
  CHECK(layout.total == body.view().size());
}

TEST_CASE("payload layout: sizes that no memory could hold are refused", "[wire][payload]") {
  const auto segment = filled(10, 1);
  modal::payload out;
  out.add_segment(segment);
  out.add_segment(segment);
  for (const std::size_t at : {8U, 16U, 24U}) {  // the envelope's, and each segment's
    auto bytes = out.to_bytes();
    for (const std::uint64_t size : {~std::uint64_t{0}, ~std::uint64_t{0} / 2}) {
      std::memcpy(bytes.data() + at, &size, sizeof size);
      const test::received body(bytes);
      CHECK(modal::payload_layout::read(body.view(), {}).error() == modal::errc::malformed_payload);
      CHECK(modal::payload_view::parse(body.view(), {}).error() == modal::errc::malformed_payload);
    }
  }
}

TEST_CASE("payload: a move keeps the content, small or large", "[wire][payload]") {
  for (const std::size_t size : {std::size_t{10}, std::size_t{10'000}}) {
    const auto segment = filled(100, 2);
    modal::payload source;
    append(source, filled(size, 4));
    source.add_segment(segment);
    const auto expected = source.to_bytes();
    modal::payload made(std::move(source));
    CHECK(made.to_bytes() == expected);
    modal::payload assigned;
    append(assigned, filled(20'000, 5));
    assigned = std::move(made);
    CHECK(assigned.to_bytes() == expected);
    CHECK(made.envelope_size() == 0);  // NOLINT(bugprone-use-after-move): it can be used again
    append(made, filled(3, 1));
    CHECK(made.to_bytes().size() == 19);
  }
}

TEST_CASE("payload: clear forgets content and owners", "[wire][payload]") {
  auto owner = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = owner;
  const auto segment = filled(10, 1);
  modal::payload out;
  append(out, filled(1000, 1));
  out.add_segment(segment);
  out.keep(std::move(owner));
  out.clear();
  CHECK(watch.expired());
  CHECK(out.to_bytes() == modal::payload().to_bytes());
}

TEST_CASE("payload: keeps owners as long as it lives", "[wire][payload]") {
  auto owner = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = owner;
  {
    modal::payload out;
    out.keep(std::move(owner));
    const modal::payload moved(std::move(out));
    CHECK_FALSE(watch.expired());
  }
  CHECK(watch.expired());
}

TEST_CASE("payload view: every truncation is refused", "[wire][payload]") {
  const auto segment = filled(100, 2);
  modal::payload out;
  append(out, filled(50, 1));
  for (int i = 0; i < 3; ++i) out.add_segment(segment);
  const auto whole = out.to_bytes();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    INFO("cut to " << size << " bytes");
    REQUIRE(parse_error(modal::bytes_view(whole).first(size)) == errc::malformed_payload);
  }
}

TEST_CASE("payload view: refuses bytes after the end", "[wire][payload]") {
  const auto segment = filled(10, 2);
  modal::payload out;
  SECTION("after the envelope") {}
  SECTION("after the last segment") { out.add_segment(segment); }
  auto bytes = out.to_bytes();
  bytes.push_back(std::byte{0});
  CHECK(parse_error(bytes) == errc::malformed_payload);
}

TEST_CASE("payload view: refuses another magic number", "[wire][payload]") {
  auto bytes = modal::payload().to_bytes();
  bytes[3] = std::byte{'1'};
  CHECK(parse_error(bytes) == errc::malformed_payload);
}

TEST_CASE("payload view: refuses an envelope of any impossible size", "[wire][payload]") {
  auto bytes = modal::payload().to_bytes();
  for (const std::uint64_t size :
       {UINT64_MAX, UINT64_MAX - 15, std::uint64_t{1} << 63, std::uint64_t{1}}) {
    put(bytes, 8, size);
    CHECK(parse_error(bytes) == errc::malformed_payload);
  }
}

TEST_CASE("payload view: refuses a segment of any impossible size", "[wire][payload]") {
  const auto segment = filled(10, 2);
  modal::payload out;
  out.add_segment(segment);
  out.add_segment(segment);
  const auto whole = out.to_bytes();
  for (const std::size_t index : {0u, 1u}) {
    for (const std::uint64_t size : {UINT64_MAX, UINT64_MAX - 63, UINT64_MAX - 64,
                                     std::uint64_t{1} << 63, std::uint64_t{1000}}) {
      auto bytes = whole;
      put(bytes, 16 + 8 * index, size);
      CHECK(parse_error(bytes) == errc::malformed_payload);
    }
  }
}

TEST_CASE("payload view: takes as many segments as the limit, and not one more",
          "[wire][payload]") {
  const auto segment = filled(1, 2);
  modal::decode_limits bounds;
  bounds.segments = 3;
  modal::payload out;
  for (int i = 0; i < 3; ++i) out.add_segment(segment);
  const test::received body(out.to_bytes());
  CHECK(modal::payload_view::parse(body.view(), bounds).has_value());
  out.add_segment(segment);
  CHECK(parse_error(out.to_bytes(), bounds) == errc::too_large);
}

TEST_CASE("payload view: refuses a table of segments beyond the bytes", "[wire][payload]") {
  auto bytes = modal::payload().to_bytes();
  for (std::size_t i = 4; i < 8; ++i) bytes[i] = std::byte{0xff};
  CHECK(parse_error(bytes) == errc::too_large);
  modal::decode_limits bounds;
  bounds.segments = SIZE_MAX;
  CHECK(parse_error(bytes, bounds) == errc::malformed_payload);
}

TEST_CASE("payload: its text names the sizes and stays short", "[wire][payload]") {
  const auto segment = filled(100'000, 0xab);
  modal::payload out;
  append(out, filled(2, 1));
  out.add_segment(segment);
  const auto text = to_text(out);
  CHECK_THAT(text, test::contains("envelope 2 bytes: 01 01"));
  CHECK_THAT(text, test::contains("segment 0 100000 bytes: ab ab"));
  CHECK(text.size() < 500);
  const test::received body(out.to_bytes());
  CHECK(to_text(modal::payload_view::parse(body.view(), {}).value()) == text);
  std::ostringstream stream;
  stream << out;
  CHECK(stream.str() == text);
}
