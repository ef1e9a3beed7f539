// SPDX-License-Identifier: Apache-2.0
#include <modal/wire/input_archive.hpp>

#include "support/catch.hpp"
#include "support/samples.hpp"
#include "support/wire.hpp"

using modal::errc;
using test::decode;
using test::decode_error;
using test::encode;
using test::forged;

namespace {

using rich =
    std::tuple<sample::named, std::vector<sample::extent>, std::map<std::string, std::vector<bool>>,
               std::variant<int, std::string>, sample::chain, std::set<int>,
               std::unordered_map<int, double>, bool, sample::mode,
               std::optional<std::vector<std::string>>, sample::circle, std::string>;

rich make_rich() {
  sample::chain owned;
  owned.next = std::make_unique<sample::chain>();
  return {sample::named{1, "two", 3.0},
          std::vector<sample::extent>(600),
          std::map<std::string, std::vector<bool>>{{"a", {true, false}}, {"b", {}}},
          "text",
          std::move(owned),
          std::set<int>{1, 2, 3},
          std::unordered_map<int, double>{{1, 1.5}, {2, 2.5}},
          true,
          sample::mode::exact,
          std::vector<std::string>{"x", std::string(100, 'y')},
          sample::circle{},
          std::string(5000, 'z')};
}

bool is_refusal(const modal::error& reason) {
  return reason == errc::malformed_payload || reason == errc::too_large;
}

using numbers_by_number = std::map<int, int>;
using numbers_by_text = std::unordered_map<std::string, int>;
using blocks = std::vector<std::array<int, 16>>;

// Bytes of a chain of `length` nodes, each inside the one before.
struct nested_node {
  std::vector<nested_node> kids;
};
std::vector<std::byte> nodes(std::size_t length) {
  forged bytes;
  for (std::size_t i = 1; i < length; ++i) bytes.count(1);
  return bytes.count(0).bytes();
}

}  // namespace

TEST_CASE("input archive: reads back every kind of value", "[wire][input_archive]") {
  sample::each([](const char* name, const auto& value) {
    INFO(name);
    using type = std::remove_cvref_t<decltype(value)>;
    CHECK((decode<type>(encode(value)) == value));
  });
}

TEST_CASE("input archive: overwrites what the object held", "[wire][input_archive]") {
  std::map<std::string, std::vector<int>> value{{"old", {1}}};
  const test::received body(encode(std::map<std::string, std::vector<int>>{{"new", {2, 3}}}));
  test::decode_into(value, body.view());
  CHECK(value == std::map<std::string, std::vector<int>>{{"new", {2, 3}}});
}

TEST_CASE("input archive: spans and string views refer to the request", "[wire][input_archive]") {
  for (const std::size_t size : {std::size_t{3}, std::size_t{5000}}) {
    const std::vector<float> floats(size, 2.f);
    const std::string text(size, 'x');
    const test::received body(encode(floats, text));
    std::pair<std::span<const float>, std::string_view> views;
    test::decode_into(views, body.view());
    CHECK(body.holds(views.first.data()));
    CHECK(body.holds(views.second.data()));
    CHECK(std::vector<float>(views.first.begin(), views.first.end()) == floats);
    CHECK(views.second == text);
  }
}

TEST_CASE("input archive: a span of a fixed size takes exactly that many",
          "[wire][input_archive]") {
  const std::array<int, 3> initial{};
  const test::received body(encode(std::vector<int>{1, 2, 3}));
  std::span<const int, 3> three(initial);
  test::decode_into(three, body.view());
  CHECK(three[2] == 3);
  CHECK(body.holds(three.data()));
  std::span<const int, 2> two(initial.data(), 2);
  CHECK(test::error_of([&] { test::decode_into(two, body.view()); }) == errc::malformed_payload);
}

TEST_CASE("input archive: refuses a rich value cut at any byte", "[wire][input_archive]") {
  modal::payload whole;
  const auto value = make_rich();
  modal::output_archive{whole}(value);
  REQUIRE(whole.segments().size() == 2);
  for (std::size_t size = 0; size < whole.envelope_size(); ++size) {
    INFO("envelope cut to " << size << " bytes");
    modal::payload cut;
    std::memcpy(cut.extend(size), whole.envelope().data(), size);
    for (const auto segment : whole.segments()) cut.add_segment(segment);
    REQUIRE(is_refusal(decode_error<rich>(cut.to_bytes())));
  }
}

TEST_CASE("input archive: with any byte changed reads a value or refuses",
          "[wire][input_archive]") {
  const auto whole = encode(make_rich());
  const std::size_t envelope = 700;  // the segments hold numbers and text: any bytes are right
  for (std::size_t i = 0; i < envelope; ++i) {
    for (const unsigned flip : {0x01u, 0x80u, 0xffu}) {
      auto changed = whole;
      changed[i] ^= static_cast<std::byte>(flip);
      INFO("byte " << i << " ^ " << flip);
      try {
        decode<rich>(changed);
      } catch (const modal::call_error& refused) {
        REQUIRE(is_refusal(refused.reason()));
      }
    }
  }
}

TEST_CASE("input archive: refuses bytes after the last value", "[wire][input_archive]") {
  CHECK(decode_error<int>(encode(1, 'x')) == errc::malformed_payload);
}

TEST_CASE("input archive: refuses segments after the last value", "[wire][input_archive]") {
  CHECK(decode_error<int>(forged().add(1).segment({}).bytes()) == errc::malformed_payload);
}

TEST_CASE("input archive: refuses a range whose segment is not there", "[wire][input_archive]") {
  auto bytes = forged().count(modal::output_archive::in_segment | 2).bytes();
  CHECK(decode_error<std::vector<int>>(bytes) == errc::malformed_payload);
  CHECK(decode_error<std::string>(bytes) == errc::malformed_payload);
}

TEST_CASE("input archive: refuses a segment of another size than its range",
          "[wire][input_archive]") {
  const std::vector<std::byte> segment(9);
  auto bytes = forged().count(modal::output_archive::in_segment | 2).segment(segment).bytes();
  CHECK(decode_error<std::vector<int>>(bytes) == errc::malformed_payload);
}

TEST_CASE("input archive: refuses a segment count for what is no range", "[wire][input_archive]") {
  auto bytes = forged().count(modal::output_archive::in_segment | 1).count(0).bytes();
  CHECK(is_refusal(decode_error<std::vector<std::string>>(bytes)));
}

TEMPLATE_TEST_CASE("input archive: rejects a count beyond the bytes that are left",
                   "[wire][input_archive]", std::string, std::vector<int>, std::vector<bool>,
                   std::vector<std::string>, std::vector<sample::empty>, std::list<int>,
                   std::set<int>, numbers_by_number, numbers_by_text, sample::tagged) {
  for (const std::uint64_t count : {std::uint64_t{1} << 60, (std::uint64_t{1} << 63) - 1,
                                    std::uint64_t{1} << 31, std::uint64_t{100}}) {
    INFO("count " << count);
    CHECK(is_refusal(decode_error<TestType>(forged().count(count).add(1).bytes())));
  }
}

TEMPLATE_TEST_CASE("input archive: rejects a count whose size in bytes would overflow",
                   "[wire][input_archive]", std::vector<int>, blocks, std::vector<std::string>,
                   std::set<double>) {
  modal::limits bounds;
  bounds.decode.elements = SIZE_MAX;
  bounds.decode.allocation_base = SIZE_MAX / 2;
  for (const std::uint64_t count :
       {std::uint64_t{1} << 62, std::uint64_t{1} << 60, std::uint64_t{1} << 58}) {
    CHECK(decode_error<TestType>(forged().count(count).bytes(), bounds) == errc::malformed_payload);
    const auto in_segment = count | modal::output_archive::in_segment;
    CHECK(decode_error<TestType>(forged().count(in_segment).segment({}).bytes(), bounds) ==
          errc::malformed_payload);
  }
}

TEST_CASE("input archive: elements without content still need their bytes",
          "[wire][input_archive]") {
  const auto good = forged().count(3).byte(0).byte(0).byte(0).bytes();
  CHECK(decode<std::vector<sample::empty>>(good).size() == 3);
  const auto bad = forged().count(3).byte(0).byte(0).bytes();
  CHECK(decode_error<std::vector<sample::empty>>(bad) == errc::malformed_payload);
}

TEST_CASE("input archive: an empty value's byte must be zero", "[wire][input_archive]") {
  CHECK(decode_error<sample::empty>(forged().byte(1).bytes()) == errc::malformed_payload);
  CHECK(decode_error<std::monostate>(forged().byte(1).bytes()) == errc::malformed_payload);
  CHECK(decode_error<std::array<int, 0>>(forged().byte(1).bytes()) == errc::malformed_payload);
}

TEST_CASE("input archive: a hundred thousand nested vectors are too many",
          "[wire][input_archive]") {
  CHECK(decode_error<nested_node>(nodes(100'000)) == errc::too_large);
}

TEST_CASE("input archive: the depth limit is exact", "[wire][input_archive]") {
  modal::limits bounds;
  bounds.decode.depth = 6;  // of three structs with one vector each
  CHECK(decode<nested_node>(nodes(3), bounds).kids.size() == 1);
  bounds.decode.depth = 5;
  CHECK(decode_error<nested_node>(nodes(3), bounds) == errc::too_large);
}

TEST_CASE("input archive: siblings do not count as depth", "[wire][input_archive]") {
  modal::limits bounds;
  bounds.decode.depth = 2;
  const std::vector<std::vector<std::string>> value(100, {"a", "b"});
  CHECK(decode<std::vector<std::vector<std::string>>>(encode(value), bounds) == value);
}

TEST_CASE("input archive: pointers and optionals count as depth", "[wire][input_archive]") {
  modal::limits bounds;
  bounds.decode.depth = 4;
  sample::chain two;
  two.next = std::make_unique<sample::chain>();
  bounds.decode.depth = 3;
  CHECK(decode<sample::chain>(encode(two), bounds) == two);
  bounds.decode.depth = 2;
  CHECK(decode_error<sample::chain>(encode(two), bounds) == errc::too_large);
  bounds.decode.depth = 1;
  using twice = std::optional<std::optional<int>>;
  CHECK(decode_error<twice>(encode(twice{std::optional<int>{1}}), bounds) == errc::too_large);
}

TEMPLATE_TEST_CASE("input archive: the limit on elements is exact", "[wire][input_archive]",
                   std::string, std::vector<int>, std::vector<bool>, std::list<int>,
                   std::set<int>) {
  modal::limits bounds;
  bounds.decode.elements = 3;
  using element = typename TestType::value_type;
  TestType value{element(1), element(2), element(3)};
  CHECK(decode<TestType>(encode(value), bounds) == value);
  value.insert(value.end(), element(0));
  CHECK(decode_error<TestType>(encode(value), bounds) == errc::too_large);
}

TEST_CASE("input archive: the limit on containers is exact", "[wire][input_archive]") {
  modal::limits bounds;
  bounds.decode.containers = 3;
  using lists = std::vector<std::list<std::string>>;
  CHECK(decode<lists>(encode(lists(2)), bounds).size() == 2);
  CHECK(decode_error<lists>(encode(lists(3)), bounds) == errc::too_large);
}

TEST_CASE("input archive: the budget of allocation is exact", "[wire][input_archive]") {
  modal::limits bounds;
  bounds.decode.allocation_factor = 0;
  bounds.decode.allocation_base = 100;
  CHECK(decode<std::string>(encode(std::string(100, 'x')), bounds).size() == 100);
  CHECK(decode_error<std::string>(encode(std::string(101, 'x')), bounds) == errc::too_large);
  CHECK(decode<std::vector<int>>(encode(std::vector<int>(25)), bounds).size() == 25);
  CHECK(decode_error<std::vector<int>>(encode(std::vector<int>(26)), bounds) == errc::too_large);
  const std::list<std::array<char, 50>> three(3);
  CHECK(decode_error<std::list<std::array<char, 50>>>(encode(three), bounds) == errc::too_large);
}

TEST_CASE("input archive: views cost nothing of the budget", "[wire][input_archive]") {
  modal::limits bounds;
  bounds.decode.allocation_factor = 0;
  bounds.decode.allocation_base = 0;
  const test::received body(encode(std::string(100, 'x')));
  std::string_view view;
  test::decode_into(view, body.view(), bounds);
  CHECK(view.size() == 100);
}

TEST_CASE("input archive: few bytes cannot ask for much memory", "[wire][input_archive]") {
  using large = std::optional<std::array<double, 1000>>;
  CHECK(decode_error<std::vector<large>>(encode(std::vector<large>(200))) == errc::too_large);
}

TEST_CASE("input archive: refuses flags that are neither 0 nor 1", "[wire][input_archive]") {
  const auto two = forged().byte(2).byte(0).add(0).bytes();
  CHECK(decode_error<bool>(two) == errc::malformed_payload);
  CHECK(decode_error<std::optional<int>>(two) == errc::malformed_payload);
  CHECK(decode_error<std::unique_ptr<int>>(two) == errc::malformed_payload);
  CHECK(decode_error<std::vector<bool>>(forged().count(1).byte(2).bytes()) ==
        errc::malformed_payload);
}

TEST_CASE("input archive: refuses a variant's index out of range", "[wire][input_archive]") {
  using value = std::variant<int, bool>;
  for (const std::uint32_t index : {2u, 0xffffffffu})
    CHECK(decode_error<value>(forged().add(index).add(0).bytes()) == errc::malformed_payload);
}

TEST_CASE("input archive: refuses values that MODAL_ENUM does not list", "[wire][input_archive]") {
  CHECK(decode<sample::mode>(forged().add(1).bytes()) == sample::mode::exact);
  CHECK(decode_error<sample::mode>(forged().add(2).bytes()) == errc::malformed_payload);
  CHECK(decode_error<sample::mode>(forged().add(-1).bytes()) == errc::malformed_payload);
}

TEST_CASE("input archive: takes any value of an enumeration without a list",
          "[wire][input_archive]") {
  CHECK(decode<sample::level>(forged().byte(200).bytes()) == static_cast<sample::level>(200));
}

TEST_CASE("input archive: refuses a key that comes twice", "[wire][input_archive]") {
  const auto keys = forged().count(2).add(7).add(7).bytes();
  CHECK(decode_error<std::set<int>>(keys) == errc::malformed_payload);
  CHECK(decode_error<std::unordered_set<int>>(keys) == errc::malformed_payload);
  CHECK(decode<std::multiset<int>>(keys).count(7) == 2);
  const auto pairs = forged().count(2).add(7).add(1).add(7).add(2).bytes();
  CHECK(decode_error<std::map<int, int>>(pairs) == errc::malformed_payload);
  CHECK(decode_error<std::unordered_map<int, int>>(pairs) == errc::malformed_payload);
}

TEST_CASE("input archive: refuses keys chosen to collide in a hash table",
          "[wire][input_archive]") {
  constexpr int size = 2000;
  std::unordered_set<int> ordinary;
  for (int i = 0; i < size; ++i) ordinary.insert(i);
  std::unordered_set<int> colliding;
  for (int i = 0; i < size; ++i) colliding.insert(i * static_cast<int>(ordinary.bucket_count()));
  CHECK(decode<std::unordered_set<int>>(encode(ordinary)) == ordinary);
  CHECK(decode_error<std::unordered_set<int>>(encode(colliding)) == errc::too_large);
}

TEST_CASE("input archive: refuses padding that is not zero", "[wire][input_archive]") {
  forged bytes;
  bytes.byte('x').count(1);
  for (int i = 0; i < 6; ++i) bytes.byte(0);
  bytes.byte(1).add(1.0);
  CHECK(decode_error<std::pair<char, std::vector<double>>>(bytes.bytes()) ==
        errc::malformed_payload);
}

TEST_CASE("input archive: refuses a range that is not aligned in memory", "[wire][input_archive]") {
  auto bytes = encode(std::vector<double>{1, 2});
  bytes.insert(bytes.begin(), 4, std::byte{0});
  const test::received shifted(bytes);
  std::vector<double> value;
  CHECK(test::error_of([&] { test::decode_into(value, shifted.view().subspan(4)); }) ==
        errc::malformed_payload);
}

TEST_CASE("input archive: reads large arrays whole", "[wire][input_archive]") {
  std::vector<std::uint32_t> value(3'000'000);
  for (std::size_t i = 0; i < value.size(); ++i) value[i] = static_cast<std::uint32_t>(i);
  CHECK((decode<std::vector<std::uint32_t>>(encode(value)) == value));
}

TEST_CASE("input archive: an error names the place", "[wire][input_archive]") {
  const auto reason = decode_error<std::pair<int, bool>>(forged().add(1).byte(2).bytes());
  CHECK_THAT(reason.message(), test::contains("at byte 5"));
}

TEST_CASE("input archive: takes the operators that cereal's users write", "[wire][input_archive]") {
  const test::received body(encode(1, 2.0));
  const auto view = modal::payload_view::parse(body.view(), {}).value();
  const modal::decode_limits bounds;
  modal::input_archive archive(view, bounds);
  int first = 0;
  double second = 0;
  archive& first;
  archive >> second;
  archive.finish();
  CHECK(first == 1);
  CHECK(second == 2.0);
}
