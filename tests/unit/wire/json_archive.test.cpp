// SPDX-License-Identifier: Apache-2.0
#include <modal/wire/json_archive.hpp>

#include "support/catch.hpp"
#include "support/samples.hpp"
#include "support/wire.hpp"

#include <cmath>

using modal::decode_limits;
using modal::errc;
using test::contains;
using test::decode_json;
using test::encode_json;
using test::error_of;
using test::json_error;

namespace {

template <class T>
bool comes_back(T value) {
  const T back = decode_json<T>(encode_json(value));
  return std::memcmp(&back, &value, sizeof value) == 0;
}

struct wide {
  int a, b, c, d, e, f, g, h;
};
MODAL_FIELDS(wide, a, b, c, d, e, f, g, h)

std::string repeated(std::string_view text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all.append(i == 0 ? "" : ",").append(text);
  return all;
}

/// Returns the steps that decoding a T takes.
template <class T>
std::size_t steps_of(const std::string& text) {
  const modal::json_document document("[" + text + "]", {});
  const modal::json_view root(document);
  modal::json_arena arena;
  T value{};
  modal::json_input_archive{root, arena}(value);
  return root.budget().steps();
}

}  // namespace

TEST_CASE("json archive: reads back every kind of value", "[wire][json_archive]") {
  sample::each([](const char* name, const auto& value) {
    const auto text = encode_json(value);
    INFO(name << " " << text.substr(0, 200));
    using type = std::remove_cvref_t<decltype(value)>;
    CHECK((decode_json<type>(text) == value));
  });
}

TEST_CASE("json archive: every kind has the form that is documented", "[wire][json_archive]") {
  using namespace std::chrono_literals;
  CHECK(encode_json(true) == "true");
  CHECK(encode_json('c') == "99");
  CHECK(encode_json(std::byte{7}) == "7");
  CHECK(encode_json(std::vector<int>{1, 2}) == "[1,2]");
  CHECK(encode_json(std::vector<bool>{true, false}) == "[true,false]");
  CHECK(encode_json(std::set<int>{2, 1}) == "[1,2]");
  CHECK(encode_json(std::vector<std::uint8_t>{'f', 'o'}) == "\"Zm8=\"");
  CHECK(encode_json(std::map<std::string, int>{{"a", 1}, {"b", 2}}) == R"({"a":1,"b":2})");
  CHECK(encode_json(std::map<int, int>{{1, 2}}) == "[[1,2]]");
  CHECK(encode_json(std::optional<int>{}) == "null");
  CHECK(encode_json(std::make_unique<int>(3)) == "3");
  CHECK(encode_json(std::variant<int, std::string>{"x"}) == R"({"index":1,"value":"x"})");
  CHECK(encode_json(std::tuple<int, std::string>{1, "x"}) == R"([1,"x"])");
  CHECK(encode_json(std::complex<float>{1, 2}) == "[1,2]");
  CHECK(encode_json(5ms) == "5");
  CHECK(encode_json(sample::mode::exact) == "\"exact\"");
  CHECK(encode_json(sample::level::high) == "1");
  CHECK(encode_json(sample::extent{3, 4}) == R"({"width":3,"height":4})");
  CHECK(encode_json(sample::named{1, "x", {}}) == R"({"a":1,"b":"x","c":null})");
  CHECK(encode_json(sample::circle{}) == R"({"shape":{"title":""},"radius":0})");
}

TEMPLATE_TEST_CASE("json archive: the ends of integers are exact", "[wire][json_archive]",
                   std::int8_t, std::uint8_t, std::int16_t, std::uint16_t, std::int32_t,
                   std::uint32_t, std::int64_t, std::uint64_t) {
  CHECK(comes_back(std::numeric_limits<TestType>::min()));
  CHECK(comes_back(std::numeric_limits<TestType>::max()));
}

TEST_CASE("json archive: an integer one past the end is refused", "[wire][json_archive]") {
  CHECK(json_error<std::int8_t>("128") == errc::malformed_payload);
  CHECK(json_error<std::int8_t>("-129") == errc::malformed_payload);
  CHECK(json_error<std::uint8_t>("256") == errc::malformed_payload);
  CHECK(json_error<std::uint8_t>("-1") == errc::malformed_payload);
  CHECK(json_error<std::int64_t>("9223372036854775808") == errc::malformed_payload);
  CHECK(json_error<std::int64_t>("-9223372036854775809") == errc::malformed_payload);
  CHECK(json_error<std::uint64_t>("18446744073709551616") == errc::malformed_payload);
  CHECK(json_error<std::byte>("256") == errc::malformed_payload);
}

TEMPLATE_TEST_CASE("json archive: floating point comes back bit by bit", "[wire][json_archive]",
                   float, double) {
  using range = std::numeric_limits<TestType>;
  for (const TestType value :
       {TestType(0.1), TestType(1) / 3, range::max(), range::lowest(), range::min(),
        range::denorm_min(), -range::denorm_min(), range::epsilon(), range::infinity(),
        -range::infinity(), TestType(0), -TestType(0), TestType(1e22), TestType(16777217),
        TestType(9007199254740993.0)}) {
    INFO(encode_json(value));
    CHECK(comes_back(value));
  }
  CHECK(std::isnan(decode_json<TestType>(encode_json(range::quiet_NaN()))));
}

TEST_CASE("json archive: a number beyond float is refused", "[wire][json_archive]") {
  CHECK(json_error<float>("3.5e38") == errc::malformed_payload);
  CHECK(json_error<float>("-3.5e38") == errc::malformed_payload);
  CHECK(json_error<double>("1e309") == errc::malformed_payload);
}

TEST_CASE("json archive: other kinds are refused with the path", "[wire][json_archive]") {
  CHECK_THAT(json_error<std::vector<int>>(R"([1,"x"])").message(),
             contains("$[0][1]: expected an integer"));
  CHECK_THAT(json_error<sample::named>(R"({"a":1,"b":2,"c":null})").message(),
             contains("$[0].b: expected a string"));
  CHECK_THAT((json_error<std::map<std::string, std::vector<bool>>>(R"({"k":[true,0]})").message()),
             contains("$[0].k[1]: expected true or false"));
  CHECK_THAT(json_error<double>("[]").message(), contains("$[0]: expected a number"));
  CHECK_THAT(json_error<std::vector<int>>("{}").message(), contains("$[0]: expected an array"));
}

TEST_CASE("json archive: a missing member is named", "[wire][json_archive]") {
  CHECK_THAT(json_error<sample::named>(R"({"a":1,"c":null})").message(),
             contains("\"b\" is missing"));
}

TEST_CASE("json archive: a member that the type lacks is refused", "[wire][json_archive]") {
  CHECK(json_error<sample::named>(R"({"a":1,"b":"","c":null,"d":1})") == errc::malformed_payload);
  CHECK(json_error<sample::extent>("[1,2,3]") == errc::malformed_payload);
}

TEST_CASE("json archive: an array is no struct with names, and the other way round",
          "[wire][json_archive]") {
  CHECK_THAT(json_error<sample::guarded>("[1,[]]").message(), contains("expected an object"));
  CHECK_THAT(json_error<sample::tagged>(R"({"value0":1,"value1":2})").message(),
             contains("expected an array"));
}

TEST_CASE("json archive: a plain aggregate is read from an object in any order, and from an array",
          "[wire][json_archive]") {
  CHECK(decode_json<sample::extent>(R"({"height":4,"width":3})") == sample::extent{3, 4});
  CHECK(decode_json<sample::extent>("[3,4]") == sample::extent{3, 4});
  CHECK(decode_json<sample::empty>("{}") == sample::empty{});
  CHECK(decode_json<sample::empty>("[]") == sample::empty{});
  CHECK_THAT(json_error<sample::extent>(R"({"value0":1,"value1":2})").message(),
             contains("\"width\" is missing"));
  CHECK(json_error<sample::extent>("[3]") == errc::malformed_payload);
  CHECK(json_error<sample::empty>("[1]") == errc::malformed_payload);
  CHECK(json_error<sample::empty>(R"({"a":1})") == errc::malformed_payload);
  CHECK(json_error<sample::extent>("3") == errc::malformed_payload);
}

TEST_CASE("json archive: a member that is optional may be absent", "[wire][json_archive]") {
  CHECK(decode_json<sample::named>(R"({"b":"x","a":1})") == sample::named{1, "x", {}});
  CHECK(decode_json<sample::chain>(R"({"value":7})").next == nullptr);
  CHECK(decode_json<sample::chain>(R"({"next":{"value":8},"value":7})").next->value == 8);
  CHECK_THAT(json_error<sample::named>(R"({"a":1})").message(), contains("\"b\" is missing"));
  CHECK_THAT(json_error<sample::named>(R"({"a":1,"b":"x","d":2})").message(),
             contains("there is no member \"d\""));
  CHECK(json_error<std::pair<int, std::optional<int>>>("[1]") == errc::malformed_payload);
}

TEST_CASE("json archive: a member that is not known is named, with those that are",
          "[wire][json_archive]") {
  CHECK_THAT(json_error<sample::named>(R"({"a":1,"b":"","c":null,"size":1})").message(),
             contains("$[0]: there is no member \"size\", only \"a\", \"b\", \"c\""));
  CHECK_THAT(json_error<std::vector<sample::extent>>(R"([{"width":1,"height":2,"x":1}])").message(),
             contains("$[0][0]: there is no member \"x\", only \"width\", \"height\""));
  const auto reason = json_error<sample::empty>("{\"" + std::string(100'000, 'x') + "\":1}");
  CHECK_THAT(reason.message(), contains("xxx…\", only none"));
  CHECK(reason.message().size() < 300);
}

TEST_CASE("json archive: an enumerator that is not known is named, with those that are",
          "[wire][json_archive]") {
  CHECK_THAT(json_error<sample::mode>("\"slow\"").message(),
             contains("$[0]: \"slow\" is not one of \"fast\", \"exact\""));
  CHECK_THAT(json_error<sample::mode>("2").message(),
             contains("$[0]: 2 is not the number of one of \"fast\", \"exact\""));
}

TEST_CASE("json archive: a variant's value may come before its index", "[wire][json_archive]") {
  using value = std::variant<int, std::string>;
  CHECK(decode_json<value>(R"({"value":"x","index":1})") == value("x"));
}

TEST_CASE("json archive: a multimap keeps entries of one key", "[wire][json_archive]") {
  using table = std::multimap<std::string, int>;
  const table value{{"a", 1}, {"a", 2}, {"b", 3}};
  CHECK(encode_json(value) == R"([["a",1],["a",2],["b",3]])");
  CHECK(decode_json<table>(encode_json(value)) == value);
  CHECK(json_error<table>(R"({"a":1})") == errc::malformed_payload);
}

TEST_CASE("json archive: complex numbers are pairs of their parts", "[wire][json_archive]") {
  using numbers = std::vector<std::complex<double>>;
  CHECK(encode_json(numbers{{1, -2}, {0.5, 0}}) == "[[1,-2],[0.5,0]]");
  CHECK(decode_json<numbers>("[[1,-2],[0.5,0]]") == numbers{{1, -2}, {0.5, 0}});
  CHECK_THAT(json_error<numbers>("[[1,\"x\"]]").message(), contains("$[0][0][1]"));
}

TEST_CASE("json archive: tuples and arrays have their size", "[wire][json_archive]") {
  CHECK(json_error<std::pair<int, int>>("[1]") == errc::malformed_payload);
  CHECK(json_error<std::pair<int, int>>("[1,2,3]") == errc::malformed_payload);
  CHECK(json_error<std::array<int, 2>>("[1]") == errc::malformed_payload);
  CHECK(json_error<std::complex<float>>("[1]") == errc::malformed_payload);
  CHECK(json_error<std::monostate>("[1]") == errc::malformed_payload);
}

TEST_CASE("json archive: map keys may be any value", "[wire][json_archive]") {
  const std::map<std::pair<int, std::string>, int> value{{{1, "a"}, 2}};
  CHECK(encode_json(value) == R"([[[1,"a"],2]])");
  CHECK(decode_json<std::map<std::pair<int, std::string>, int>>(encode_json(value)) == value);
}

TEST_CASE("json archive: a key that comes twice is refused", "[wire][json_archive]") {
  CHECK(json_error<std::set<int>>("[1,1]") == errc::malformed_payload);
  CHECK(json_error<std::map<int, int>>("[[1,2],[1,3]]") == errc::malformed_payload);
  CHECK(decode_json<std::multiset<int>>("[1,1]").size() == 2);
}

TEST_CASE("json archive: refuses keys chosen to collide in a hash table", "[wire][json_archive]") {
  std::unordered_set<int> table;
  for (int i = 0; i < 2000; ++i) table.insert(i);
  const auto step = static_cast<int>(table.bucket_count());
  table.clear();
  for (int i = 0; i < 2000; ++i) table.insert(i * step);
  const auto reason = json_error<std::unordered_set<int>>(encode_json(table));
  CHECK_THAT(reason.message(), contains("one hash value"));
}

TEST_CASE("json archive: enumerations go by name or by number", "[wire][json_archive]") {
  CHECK(decode_json<sample::mode>("\"exact\"") == sample::mode::exact);
  CHECK(decode_json<sample::mode>("1") == sample::mode::exact);
  CHECK(json_error<sample::mode>("\"slow\"") == errc::malformed_payload);
  CHECK(json_error<sample::mode>("2") == errc::malformed_payload);
  CHECK(json_error<sample::level>("\"high\"") == errc::malformed_payload);
  CHECK(json_error<sample::level>("256") == errc::malformed_payload);
}

TEST_CASE("json archive: a variant needs its index and its value", "[wire][json_archive]") {
  using value = std::variant<int, std::string>;
  CHECK(json_error<value>(R"({"index":2,"value":1})") == errc::malformed_payload);
  CHECK(json_error<value>(R"({"index":-1,"value":1})") == errc::malformed_payload);
  CHECK(json_error<value>(R"({"index":0})") == errc::malformed_payload);
  CHECK(json_error<value>(R"({"index":0,"value":1,"x":1})") == errc::malformed_payload);
  CHECK(json_error<value>(R"({"index":1,"value":1})") == errc::malformed_payload);
}

TEST_CASE("json archive: a variant's value may stand before its index", "[wire][json_archive]") {
  using value = std::variant<int, std::string>;
  CHECK(decode_json<value>(R"({"value":"x","index":1})") == value("x"));
  CHECK(decode_json<value>(R"({"value":7,"index":0})") == value(7));
  CHECK(json_error<value>(R"({"value":7,"index":1})") == errc::malformed_payload);
}

TEST_CASE("json archive: bytes are base64 and nothing else", "[wire][json_archive]") {
  CHECK(decode_json<std::vector<std::byte>>("\"AQI=\"").size() == 2);
  CHECK(json_error<std::vector<std::byte>>("[1,2]") == errc::malformed_payload);
  CHECK(json_error<std::vector<std::uint8_t>>("\"AQI\"") == errc::malformed_payload);
}

TEST_CASE("json archive: spans live in the arena, string views in the document",
          "[wire][json_archive]") {
  const modal::json_document document(R"([[1,2,3],"text","AQI="])", {});
  modal::json_arena arena;
  std::span<const float> floats;
  std::string_view text;
  std::span<const std::byte> bytes;
  modal::json_input_archive(modal::json_view(document), arena)(floats, text, bytes);
  REQUIRE(floats.size() == 3);
  CHECK(floats[2] == 3);
  CHECK(text == "text");
  REQUIRE(bytes.size() == 2);
  CHECK(bytes[1] == std::byte{2});
}

TEST_CASE("json archive: a span of a fixed size takes exactly that many", "[wire][json_archive]") {
  const std::array<int, 2> initial{};
  std::span<const int, 2> two(initial);
  modal::json_arena arena;
  const modal::json_document good("[[5,6]]", {});
  modal::json_input_archive(modal::json_view(good), arena)(two);
  CHECK(two[1] == 6);
  const modal::json_document bad("[[5]]", {});
  modal::json_input_archive reader(modal::json_view(bad), arena);
  CHECK(test::error_of([&] { reader(two); }) == errc::malformed_payload);
}

TEST_CASE("json archive: refuses to write text that is not UTF-8", "[wire][json_archive]") {
  CHECK(test::error_of([] { encode_json(std::string("\xff")); }) == errc::malformed_payload);
}

TEST_CASE("json bounds: structs take steps in proportion to the text, in any order of members",
          "[wire][json_archive]") {
  const std::string ordered = R"({"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8})";
  const std::string reversed = R"({"h":8,"g":7,"f":6,"e":5,"d":4,"c":3,"b":2,"a":1})";
  const auto steps = [](const std::string& text, std::size_t times) {
    return steps_of<std::vector<wide>>("[" + repeated(text, times) + "]");
  };
  // Of one struct: 18 to parse it, and for each field one to find it and one to read it.
  CHECK(steps(ordered, 1000) <= 40'000);
  CHECK(steps(reversed, 1000) <= 100'000);
  CHECK(steps(reversed, 4000) <= 4 * steps(reversed, 1000));
}

TEST_CASE("json bounds: arrays take steps in proportion to the text", "[wire][json_archive]") {
  const auto steps = [](std::size_t times) {
    return steps_of<std::vector<std::vector<int>>>("[" + repeated("[1,2]", times) + "]");
  };
  CHECK(steps(1000) <= 10'000);
  CHECK(steps(4000) <= 4 * steps(1000));
}

TEST_CASE("json bounds: the number of elements is exact", "[wire][json_archive]") {
  const decode_limits bounds{.elements = 3};
  CHECK(decode_json<std::vector<int>>("[1,2,3]", bounds).size() == 3);
  CHECK(json_error<std::vector<int>>("[1,2,3,4]", bounds) == errc::too_large);
  CHECK(json_error<int>(R"({"a":1,"b":1,"c":1,"d":1})", bounds) == errc::too_large);
}

TEST_CASE("json bounds: the number of containers is exact", "[wire][json_archive]") {
  const decode_limits bounds{.containers = 3};
  using lists = std::vector<std::vector<int>>;
  CHECK(decode_json<lists>("[[],[]]", bounds).size() == 2);
  CHECK(json_error<lists>("[[],[],[]]", bounds) == errc::too_large);
  using maps = std::vector<std::map<std::string, int>>;
  CHECK(decode_json<maps>("[{},{}]", bounds).size() == 2);
  CHECK(json_error<maps>("[{},{},{}]", bounds) == errc::too_large);
}

TEST_CASE("json bounds: the depth is exact in objects too", "[wire][json_archive]") {
  const decode_limits bounds{.depth = 2};
  CHECK(decode_json<sample::node>("[1,[]]", {.depth = 3}).value == 1);
  CHECK_NOTHROW(modal::json_document(R"({"args":[{"a":[1]}]})", bounds));
  CHECK(error_of([&] { modal::json_document(R"({"args":[{"a":[{}]}]})", bounds); }) ==
        errc::too_large);
}

TEST_CASE("json bounds: small text does not become large values", "[wire][json_archive]") {
  using large = std::array<double, 100>;
  const auto nulls = "[" + repeated("null", 1000) + "]";
  const decode_limits bounds{.allocation_base = 0};
  CHECK(json_error<std::vector<std::optional<large>>>(nulls, bounds) == errc::too_large);
  CHECK(json_error<std::deque<std::optional<large>>>(nulls, bounds) == errc::too_large);
  CHECK(decode_json<std::vector<std::optional<int>>>(nulls, bounds).size() == 1000);
}

TEST_CASE("json bounds: texts, bytes, maps and owned values are paid for", "[wire][json_archive]") {
  const auto least = [](auto value, const std::string& text) {
    // The smallest base with which it decodes: beyond the tape it pays for the value itself.
    const auto decodes = [&](std::size_t base) {
      try {
        decode_json<decltype(value)>(text, {.allocation_factor = 0, .allocation_base = base});
        return true;
      } catch (const modal::call_error&) {
        return false;
      }
    };
    std::size_t base = 0;
    while (base < 4096 && !decodes(base)) ++base;
    return base;
  };
  CHECK(least(std::string(), R"("12345678")") == 8 + 16 + 8);
  CHECK(least(std::vector<std::byte>(), R"("AAAA")") == 8 + 16 + 3);
  CHECK(least(std::unique_ptr<double>(), "1") == 8 + 8 + 8);
  CHECK(least(std::map<int, int>(), "[[1,2]]") == 8 + 8 + 24 + 8 + 48);
  CHECK(least(std::map<std::string, int>(), R"({"k":2})") ==
        8 + 8 + 24 + sizeof(std::pair<const std::string, int>) + 48 + 1);
}

TEST_CASE("json bounds: reading values ends when the check says so", "[wire][json_archive]") {
  bool ended = false;
  const auto check = [&ended] {
    if (ended) modal::throw_error({modal::errc::cancelled, "enough"});
  };
  const auto text = "[[" + repeated("1", 2 * modal::decode_budget::steps_between_checks) + "]]";
  const modal::json_document document(text, {}, check);
  ended = true;
  modal::json_arena arena;
  std::vector<int> values;
  modal::json_input_archive archive(modal::json_view(document), arena);
  CHECK(error_of([&] { archive(values); }) == errc::cancelled);
  CHECK(values.size() < modal::decode_budget::steps_between_checks);
}

TEST_CASE("json bounds: a number beyond double is refused with its path", "[wire][json_archive]") {
  CHECK_THAT(json_error<std::vector<double>>("[1,1e999]").message(), contains("$[0][1]: "));
  const auto reason =
      error_of([] { modal::json_document(R"({"args":[0,{"w":1,"h":[[-1e999]]}]})", {}); });
  CHECK(reason == errc::malformed_payload);
  CHECK_THAT(reason.message(), contains("$.args[1].h[0][0]: the number is out of range"));
}
