// SPDX-License-Identifier: Apache-2.0
#include <modal/wire/json_value.hpp>

#include "support/catch.hpp"
#include "support/wire.hpp"

#include <cmath>
#include <limits>

using modal::decode_budget;
using modal::decode_limits;
using modal::errc;
using test::contains;
using test::error_of;

namespace {

template <class Write>
std::string written(Write&& write) {
  std::string text;
  modal::json_writer writer(text);
  write(writer);
  return text;
}

template <class T>
std::string number_text(T value) {
  return written([value](modal::json_writer& out) { out.number(value); });
}

/// Reads `text` and asks `question` about it.
template <class Question>
auto ask(std::string_view text, Question&& question) {
  const modal::json_document document(text, {});
  return question(modal::json_view(document));
}

std::string nested_arrays(std::size_t depth, std::string_view inside) {
  return std::string(depth, '[').append(inside).append(depth, ']');
}

modal::error parse_error(std::string_view text, const modal::decode_limits& bounds = {}) {
  return test::error_of([&] { modal::json_document(text, bounds); });
}

std::string blob_text(std::string_view bytes) {
  return written([bytes](modal::json_writer& out) {
    out.blob(std::as_bytes(std::span(bytes.data(), bytes.size())));
  });
}

std::string blob_bytes(std::string_view text) {
  return ask(text, [](const auto& root) { return root.to_blob(); });
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all.append(i == 0 ? "" : ",").append(text);
  return all;
}

/// An object of `count` members of which each value is the number in its name.
std::string many_members(std::size_t count) {
  std::string text = "{";
  for (std::size_t i = count; i-- > 0;)
    text += "\"m" + std::to_string(i) + "\":" + std::to_string(i) + (i == 0 ? "" : ",");
  return text + "}";
}

}  // namespace

TEST_CASE("json writer: puts commas between values only", "[wire][json_value]") {
  const auto text = written([](modal::json_writer& out) {
    out.begin_object();
    out.key("a");
    out.begin_array();
    out.integer(-1);
    out.natural(2);
    out.begin_array();
    out.end_array();
    out.null();
    out.end_array();
    out.key("b");
    out.boolean(true);
    out.key("c");
    out.begin_object();
    out.end_object();
    out.end_object();
  });
  CHECK(text == R"({"a":[-1,2,[],null],"b":true,"c":{}})");
}

TEST_CASE("json writer: escapes text and names", "[wire][json_value]") {
  const auto text = written([](modal::json_writer& out) {
    out.begin_object();
    out.key("\"\n");
    out.text(std::string_view("\\\x01\0", 3));
    out.end_object();
  });
  CHECK(text == R"({"\"\n":"\\\u0001\u0000"})");
}

TEST_CASE("json writer: refuses text that is not UTF-8", "[wire][json_value]") {
  CHECK(test::error_of([] { written([](auto& out) { out.text("\xff"); }); }) ==
        errc::malformed_payload);
  CHECK(test::error_of([] { written([](auto& out) { out.key("\xc3"); }); }) ==
        errc::malformed_payload);
}

TEST_CASE("json writer: integers are exact to the last digit", "[wire][json_value]") {
  CHECK(written([](auto& out) { out.integer(std::numeric_limits<std::int64_t>::min()); }) ==
        "-9223372036854775808");
  CHECK(written([](auto& out) { out.natural(std::numeric_limits<std::uint64_t>::max()); }) ==
        "18446744073709551615");
}

TEST_CASE("json writer: floating point is as short as exactness allows", "[wire][json_value]") {
  CHECK(number_text(0.1f) == "0.1");
  CHECK(number_text(0.1) == "0.1");
  CHECK(number_text(1.0 / 3) == "0.3333333333333333");
  CHECK(number_text(-0.0) == "-0.0");
}

TEST_CASE("json writer: what JSON has no number for is a text", "[wire][json_value]") {
  CHECK(number_text(std::numeric_limits<double>::quiet_NaN()) == "\"NaN\"");
  CHECK(number_text(std::numeric_limits<float>::infinity()) == "\"Infinity\"");
  CHECK(number_text(-std::numeric_limits<double>::infinity()) == "\"-Infinity\"");
}

TEST_CASE("json: base64 agrees with RFC 4648 and comes back", "[wire][json_value]") {
  const std::vector<std::pair<std::string, std::string>> vectors{{"", "\"\""},
                                                                 {"f", "\"Zg==\""},
                                                                 {"fo", "\"Zm8=\""},
                                                                 {"foo", "\"Zm9v\""},
                                                                 {"foob", "\"Zm9vYg==\""},
                                                                 {"fooba", "\"Zm9vYmE=\""},
                                                                 {"foobar", "\"Zm9vYmFy\""},
                                                                 {"\xfb\xff\xbf", "\"+/+/\""}};
  for (const auto& [bytes, text] : vectors) {
    INFO(text);
    CHECK(blob_text(bytes) == text);
    CHECK(blob_bytes(text) == bytes);
  }
}

TEST_CASE("json view: refuses what is not base64", "[wire][json_value]") {
  for (const auto* text : {"\"Zg=\"", "\"Zg\"", "\"Zg=a\"", "\"Z===\"", "\"====\"", "\"Zm9v\\n\"",
                           "\"Zm-_\"", "\"Zg==Zg==\"", "\"Zm 9\"", "\"\\u0000AAA\"", "17"}) {
    INFO(text);
    CHECK(test::error_of([&] { blob_bytes(text); }) == errc::malformed_payload);
  }
}

TEST_CASE("json document: refuses what is not JSON", "[wire][json_value]") {
  for (const auto* text :
       {"", " ", "{", "[1,]", "[1 2]", "{\"a\":}", "{a:1}", "nul", "01", "+1", "1.", "NaN", "[1]x",
        "'a'", "\"\n\"", "\"\\x\"", "\"\\ud800\"", "1e999"}) {
    INFO(text);
    CHECK(parse_error(text) == errc::malformed_payload);
  }
}

TEST_CASE("json document: refuses text that is not UTF-8, and says so", "[wire][json_value]") {
  for (const auto* text : {"\"\xff\"", "\"\xc3\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"",
                           "\"\xf4\x90\x80\x80\"", "{\"\x80\":1}"}) {
    const auto reason = parse_error(text);
    CHECK(reason == errc::malformed_payload);
    CHECK_THAT(reason.message(), test::contains("UTF-8"));
  }
}

TEST_CASE("json document: a parse failure names the place", "[wire][json_value]") {
  CHECK_THAT(parse_error("[1,\n  x]").message(), test::contains("line 2, column 3"));
}

TEST_CASE("json document: every truncation is refused", "[wire][json_value]") {
  const std::string whole = R"({"a":[1,2.5e3,"x\u00e9",true],"b":{"c":null}})";
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK(parse_error(whole.substr(0, size)) == errc::malformed_payload);
}

TEST_CASE("json document: the depth limit is exact", "[wire][json_value]") {
  // The request's own object and array come on top of the limit.
  const modal::decode_limits bounds{.depth = 3};
  CHECK_NOTHROW(modal::json_document(nested_arrays(5, "1"), bounds));
  CHECK(parse_error(nested_arrays(6, "1"), bounds) == errc::too_large);
}

TEST_CASE("json document: deep nesting is refused, not recursed into", "[wire][json_value]") {
  CHECK(parse_error(nested_arrays(100'000, "")) == errc::too_large);
  CHECK(parse_error(std::string(1'000'000, '[')) == errc::too_large);
}

TEST_CASE("json view: tells what a value is", "[wire][json_value]") {
  CHECK(ask("null", [](const auto& v) { return v.is_null(); }));
  CHECK(ask("{}", [](const auto& v) { return v.is_object(); }));
  CHECK(ask("\"\"", [](const auto& v) { return v.is_text(); }));
  CHECK_FALSE(ask("[]", [](const auto& v) { return v.is_object() || v.is_null() || v.is_text(); }));
}

TEST_CASE("json view: integers keep to their range", "[wire][json_value]") {
  const auto read = [](std::string_view text) {
    return ask(text, [](const auto& v) { return v.to_integer(-128, 127); });
  };
  CHECK(read("127") == 127);
  CHECK(read("-128") == -128);
  for (const auto* text : {"128", "-129", "1.0", "1e2", "\"1\"", "true", "null", "[]",
                           "9223372036854775808", "18446744073709551616"}) {
    INFO(text);
    CHECK(test::error_of([&] { read(text); }) == errc::malformed_payload);
  }
}

TEST_CASE("json view: naturals keep to their range", "[wire][json_value]") {
  const auto read = [](std::string_view text) {
    return ask(text, [](const auto& v) { return v.to_natural(255); });
  };
  CHECK(read("0") == 0);
  CHECK(read("255") == 255);
  for (const auto* text : {"256", "-1", "-9223372036854775808", "0.5", "\"1\"", "{}"}) {
    INFO(text);
    CHECK(test::error_of([&] { read(text); }) == errc::malformed_payload);
  }
}

TEST_CASE("json view: numbers take integers and the texts for what is no number",
          "[wire][json_value]") {
  const auto read = [](std::string_view text) {
    return ask(text, [](const auto& v) { return v.to_number(); });
  };
  CHECK(read("3") == 3.0);
  CHECK(read("-2.5e-3") == -2.5e-3);
  CHECK(std::isnan(read("\"NaN\"")));
  CHECK(read("\"-Infinity\"") == -std::numeric_limits<double>::infinity());
  CHECK(test::error_of([&] { read("\"nan\""); }) == errc::malformed_payload);
  CHECK(test::error_of([&] { read("\"1\""); }) == errc::malformed_payload);
}

TEST_CASE("json view: errors name the path", "[wire][json_value]") {
  const auto reason = test::error_of([] {
    ask(R"({"args":[0,{"width":"x"}]})", [](const auto& root) {
      const auto args = root.member("args");
      const auto second = args.element(1);
      return second.member("width").to_integer(0, 10);
    });
  });
  CHECK_THAT(reason.message(), test::contains("$.args[1].width: expected an integer"));
}

TEST_CASE("json view: refuses members and elements that are not there", "[wire][json_value]") {
  const auto member = [](const auto& v) { return v.member("x").is_null(); };
  const auto element = [](const auto& v) { return v.element(1).is_null(); };
  const auto size = [](const auto& v) { return v.size(); };
  CHECK_THAT(test::error_of([&] { ask("{}", member); }).message(),
             test::contains("\"x\" is missing"));
  CHECK(test::error_of([&] { ask("[]", member); }) == errc::malformed_payload);
  CHECK(test::error_of([&] { ask("[1]", element); }) == errc::malformed_payload);
  CHECK(test::error_of([&] { ask("{}", element); }) == errc::malformed_payload);
  CHECK(test::error_of([&] { ask("1", size); }) == errc::malformed_payload);
}

TEST_CASE("json view: an array of another size is refused with both sizes", "[wire][json_value]") {
  const auto reason = test::error_of([] {
    ask("[1,2]", [](const auto& v) {
      v.expect_array(3);
      return 0;
    });
  });
  CHECK_THAT(reason.message(), test::contains("array of 3, not of 2"));
}

TEST_CASE("json view: visits members in the order of their names", "[wire][json_value]") {
  std::string seen;
  ask(R"({"b":2,"a":1})", [&seen](const auto& root) {
    root.each_member([&seen](std::string_view name, const modal::json_view& each) {
      seen.append(name).append(std::to_string(each.to_integer(0, 9)));
    });
    return 0;
  });
  CHECK(seen == "a1b2");
}

TEST_CASE("decode budget: memory is a multiple of the body, and a base", "[wire][json_value]") {
  decode_budget budget({.allocation_factor = 2, .allocation_base = 10}, 100);
  budget.allocate(200);
  CHECK(error_of([&] { budget.allocate(11); }) == errc::too_large);
  CHECK_NOTHROW(budget.allocate(10));
  CHECK(error_of([&] { budget.allocate(1); }) == errc::too_large);
}

TEST_CASE("decode budget: a factor that overflows allows everything", "[wire][json_value]") {
  decode_budget budget({.allocation_factor = SIZE_MAX}, 2);
  CHECK_NOTHROW(budget.allocate(SIZE_MAX));
}

TEST_CASE("decode budget: counts containers, and their elements", "[wire][json_value]") {
  decode_budget budget({.elements = 5, .containers = 2}, 0);
  CHECK(error_of([&] { budget.container(6, 1); }) == errc::too_large);
  budget.container(5, 1);
  budget.container(0, 1);
  CHECK(error_of([&] { budget.container(0, 1); }) == errc::too_large);
}

TEST_CASE("decode budget: a container pays for its elements", "[wire][json_value]") {
  decode_budget budget({.allocation_base = 64}, 0);
  budget.container(8, 8);
  CHECK(error_of([&] { budget.container(1, 1); }) == errc::too_large);
  CHECK(error_of([&] { budget.container(3, SIZE_MAX / 2); }) == errc::too_large);
}

TEST_CASE("decode budget: asks every few thousand steps", "[wire][json_value]") {
  int asked = 0;
  decode_budget budget({}, 0, [&asked] { ++asked; });
  for (std::size_t i = 1; i < decode_budget::steps_between_checks; ++i) budget.step();
  CHECK(asked == 0);
  budget.step();
  CHECK(asked == 1);
  for (std::size_t i = 0; i < 9 * decode_budget::steps_between_checks; ++i) budget.step();
  CHECK(asked == 10);
  CHECK(budget.steps() == 10 * decode_budget::steps_between_checks);
}

TEST_CASE("json bounds: a member among very many is found in a few steps", "[wire][json_value]") {
  constexpr std::size_t count = 4096;
  const modal::json_document document(many_members(count), {});
  const modal::json_view root(document);
  const std::size_t parsed = root.budget().steps();
  CHECK(parsed <= count * 40);
  for (std::size_t i = 0; i < count; ++i)
    REQUIRE(root.member("m" + std::to_string(i)).to_natural(count) == i);
  CHECK_FALSE(root.find_member("m"));
  CHECK_FALSE(root.find_member("n"));
  CHECK(root.budget().steps() - parsed <= (count + 2) * 13);
}

TEST_CASE("json bounds: objects of any size give their members in the order of names",
          "[wire][json_value]") {
  for (const std::size_t count : {1u, 15u, 16u, 17u, 18u, 300u}) {
    const modal::json_document document(many_members(count), {});
    const modal::json_view root(document);
    REQUIRE(root.size() == count);
    std::vector<std::string> names;
    root.each_member([&](std::string_view name, const modal::json_view& each) {
      names.emplace_back(name);
      CHECK(name.substr(1) == std::to_string(each.to_natural(count)));
    });
    CHECK(names.size() == count);
    CHECK(std::is_sorted(names.begin(), names.end()));
  }
}

TEST_CASE("json bounds: elements are found in any order", "[wire][json_value]") {
  const modal::json_document document(R"([10,[[]],"text",{"a":[]},40])", {});
  const modal::json_view root(document);
  CHECK(root.element(4).to_natural(99) == 40);
  CHECK(root.element(0).to_natural(99) == 10);
  CHECK(root.element(2).to_text() == "text");
  CHECK(root.element(2).to_text() == "text");
  CHECK(root.element(1).size() == 1);
}

TEST_CASE("json bounds: what a text takes when it is parsed is paid for", "[wire][json_value]") {
  // A word for the array, and one for each number.
  const decode_limits exact{.allocation_factor = 0, .allocation_base = 4 * 8};
  CHECK_NOTHROW(modal::json_document("[1,2,3]", exact));
  const decode_limits less{.allocation_factor = 0, .allocation_base = 4 * 8 - 1};
  CHECK(error_of([&] { modal::json_document("[1,2,3]", less); }) == errc::too_large);
}

TEST_CASE("json bounds: parsing takes less than six times the text", "[wire][json_value]") {
  const decode_limits bounds{.allocation_factor = 6, .allocation_base = 0};
  for (const auto* part :
       {"1", "[]", "{}", "[1]", R"("")", R"("a")", R"({"a":1})", R"({"":{}})", "0.5", "1e9", "null",
        "1152921504606846976", R"({"a":[],"b":[]})", "[[[]]]"}) {
    INFO(part);
    CHECK_NOTHROW(modal::json_document("[" + repeated(part, 1000) + "]", bounds));
  }
  CHECK_NOTHROW(modal::json_document(many_members(1000), bounds));
}

TEST_CASE("json bounds: parsing ends when the check says so", "[wire][json_value]") {
  const auto ended = [] { modal::throw_error({modal::errc::cancelled, "enough"}); };
  const auto text = "[" + repeated("1", 2 * modal::decode_budget::steps_between_checks) + "]";
  CHECK(error_of([&] { modal::json_document(text, {}, ended); }) == errc::cancelled);
  CHECK_NOTHROW(modal::json_document("[1,2]", {}, ended));
}

TEST_CASE("json bounds: a member that comes twice is refused by name", "[wire][json_value]") {
  const auto reason =
      error_of([] { modal::json_document(R"({"args":[{"a":1,"b":2,"a":3}]})", {}); });
  CHECK(reason == errc::malformed_payload);
  CHECK_THAT(reason.message(), contains("$.args[0]: the member \"a\" comes twice"));
  auto many = many_members(100);
  many.insert(many.size() - 1, R"(,"m37":0)");
  CHECK_THAT(error_of([&] { modal::json_document(many, {}); }).message(),
             contains("$: the member \"m37\" comes twice"));
  CHECK_NOTHROW(modal::json_document(R"([{"a":{"a":1}},{"a":2}])", {}));
}
