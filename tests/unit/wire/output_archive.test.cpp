// SPDX-License-Identifier: Apache-2.0
#include <modal/wire/output_archive.hpp>

#include "support/catch.hpp"
#include "support/samples.hpp"
#include "support/wire.hpp"

using modal::errc;

namespace written {

struct alignas(32) wide {
  std::array<float, 8> lanes;
  bool operator==(const wide&) const = default;
};

/// save() that hands over a temporary of elements too wide for the envelope.
struct wide_copied {
  std::vector<wide> values;
  bool operator==(const wide_copied&) const = default;
  template <class Archive>
  void save(Archive& archive) const {
    auto copy = values;
    archive(copy);
  }
  template <class Archive>
  void load(Archive& archive) {
    archive(values);
  }
};

struct inner {
  std::vector<float> values;
  bool operator==(const inner&) const = default;
};
struct outer {
  int number;
  std::vector<inner> list;
  bool operator==(const outer&) const = default;
};

/// Leaves a variant without a value when it is made from a number.
struct moody {
  moody() = default;
  explicit moody(int number) { throw number; }
  std::string text;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(text);
  }
};

/// save() that hands over a struct that lives on its stack.
struct wrapped {
  std::vector<float> values;
  template <class Archive>
  void save(Archive& archive) const {
    const inner temporary{values};
    archive(cereal::make_nvp("inner", temporary), inner{values});
  }
  template <class Archive>
  void load(Archive& archive) {
    inner first;
    inner second;
    archive(first, second);
    values = first.values;
  }
};

}  // namespace written

TEST_CASE("output archive: writes numbers little-endian, one after the other",
          "[wire][output_archive]") {
  modal::payload out;
  modal::output_archive{out}(std::uint16_t{0x0102}, std::int32_t{-1}, true);
  const auto envelope = out.envelope();
  REQUIRE(envelope.size() == 7);
  CHECK(envelope[0] == std::byte{2});
  CHECK(envelope[1] == std::byte{1});
  CHECK(envelope[5] == std::byte{0xff});
  CHECK(envelope[6] == std::byte{1});
}

TEST_CASE("output archive: borrows arrays from the threshold on", "[wire][output_archive]") {
  const std::vector<std::uint8_t> below(modal::segment_threshold - 1, 1);
  const std::vector<std::uint8_t> exact(modal::segment_threshold, 2);
  modal::payload out;
  modal::output_archive{out}(below, exact);
  REQUIRE(out.segments().size() == 1);
  CHECK(static_cast<const void*>(out.segments()[0].data()) == exact.data());
  CHECK(out.segments()[0].size() == exact.size());
}

TEST_CASE("output archive: counts the threshold in bytes, not elements", "[wire][output_archive]") {
  const std::vector<double> below(511);
  const std::vector<double> exact(512);
  modal::payload out;
  modal::output_archive{out}(below, exact);
  REQUIRE(out.segments().size() == 1);
  CHECK(static_cast<const void*>(out.segments()[0].data()) == exact.data());
}

TEST_CASE("output archive: the caller may choose the threshold", "[wire][output_archive]") {
  const std::vector<float> values(4);
  modal::payload out;
  modal::output_archive{out, 16}(values);
  CHECK(out.segments().size() == 1);
}

TEST_CASE("output archive: borrows strings and what spans refer to", "[wire][output_archive]") {
  const std::string text(5000, 'x');
  const std::vector<float> values(5000);
  modal::payload out;
  modal::output_archive{out}(text, std::string_view(text), std::span<const float>(values));
  REQUIRE(out.segments().size() == 3);
  CHECK(static_cast<const void*>(out.segments()[0].data()) == text.data());
  CHECK(static_cast<const void*>(out.segments()[1].data()) == text.data());
  CHECK(static_cast<const void*>(out.segments()[2].data()) == values.data());
}

TEST_CASE("output archive: borrows fields of structs inside containers", "[wire][output_archive]") {
  const written::outer value{1, {{std::vector<float>(2000)}, {std::vector<float>(3000)}}};
  modal::payload out;
  modal::output_archive{out}(value);
  REQUIRE(out.segments().size() == 2);
  CHECK(static_cast<const void*>(out.segments()[0].data()) == value.list[0].values.data());
  CHECK(static_cast<const void*>(out.segments()[1].data()) == value.list[1].values.data());
  CHECK(test::decode<written::outer>(out.to_bytes()) == value);
}

TEST_CASE("output archive: borrows fields that a serialize function names",
          "[wire][output_archive]") {
  const sample::guarded value(1, std::vector<float>(5000, 2.f));
  modal::payload out;
  modal::output_archive{out}(value);
  CHECK(out.segments().size() == 1);
}

TEST_CASE("output archive: copies what a user's save() makes for it", "[wire][output_archive]") {
  const sample::copied value{std::vector<float>(5000, 2.f)};
  modal::payload out;
  modal::output_archive{out}(value);
  CHECK(out.segments().empty());
  CHECK(test::decode<sample::copied>(out.to_bytes()) == value);
}

TEST_CASE("output archive: copies the fields of a temporary struct", "[wire][output_archive]") {
  const written::wrapped value{std::vector<float>(5000, 2.f)};
  modal::payload out;
  modal::output_archive{out}(value);
  CHECK(out.segments().empty());
  CHECK(test::decode<written::wrapped>(out.to_bytes()).values == value.values);
}

TEST_CASE("output archive: borrows again after a temporary", "[wire][output_archive]") {
  const sample::copied copied{std::vector<float>(5000, 2.f)};
  const std::vector<float> values(5000, 3.f);
  modal::payload out;
  modal::output_archive{out}(copied, values);
  CHECK(out.segments().size() == 1);
}

TEST_CASE("output archive: sends wide elements as segments, however few",
          "[wire][output_archive]") {
  const std::vector<written::wide> values{{{1, 2, 3}}};
  modal::payload out;
  modal::output_archive{out}(values, std::vector<written::wide>{});
  CHECK(out.segments().size() == 1);
  using both = std::pair<std::vector<written::wide>, std::vector<written::wide>>;
  CHECK(test::decode<both>(out.to_bytes()).first == values);
}

TEST_CASE("output archive: keeps a copy of temporary wide elements", "[wire][output_archive]") {
  const written::wide_copied value{{{{1, 2}}, {{3, 4}}}};
  modal::payload out;
  modal::output_archive{out}(value);
  CHECK(out.segments().size() == 1);
  CHECK(test::decode<written::wide_copied>(out.to_bytes()) == value);
}

TEST_CASE("output archive: a struct without fields takes one zero byte", "[wire][output_archive]") {
  modal::payload out;
  modal::output_archive{out}(sample::empty{}, std::tuple<>{}, std::monostate{});
  REQUIRE(out.envelope_size() == 3);
  CHECK(out.envelope()[0] == std::byte{0});
}

TEST_CASE("output archive: pads arrays with zeros to their alignment", "[wire][output_archive]") {
  modal::payload out;
  modal::output_archive{out}('x', std::vector<double>{1.0});
  REQUIRE(out.envelope_size() == 24);
  for (std::size_t i = 9; i < 16; ++i) CHECK(out.envelope()[i] == std::byte{0});
}

TEST_CASE("output archive: takes the operators that cereal's users write",
          "[wire][output_archive]") {
  modal::payload by_call;
  modal::output_archive{by_call}(1, 2.0);
  modal::payload by_operator;
  modal::output_archive archive(by_operator);
  archive & 1;
  archive << 2.0;
  CHECK(by_operator.to_bytes() == by_call.to_bytes());
}

TEST_CASE("output archive: one value has the same bytes each time", "[wire][output_archive]") {
  sample::each([](const char* name, const auto& value) {
    INFO(name);
    CHECK(test::encode(value) == test::encode(value));
  });
}

TEST_CASE("output archive: refuses a variant without a value", "[wire][output_archive]") {
  std::variant<int, written::moody> value;
  CHECK_THROWS_AS(value.emplace<written::moody>(1), int);
  REQUIRE(value.valueless_by_exception());
  CHECK(test::error_of([&] { test::encode(value); }) == errc::malformed_payload);
}
