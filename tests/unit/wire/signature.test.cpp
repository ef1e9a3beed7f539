// SPDX-License-Identifier: Apache-2.0
#include <modal/wire/make_schema.hpp>
#include <modal/wire/signature.hpp>

#include "support/catch.hpp"
#include "support/samples.hpp"

using modal::detail::make_schema;

namespace {

template <class T>
std::string text_of() {
  return to_text(make_schema<T>());
}

}  // namespace

TEST_CASE("signature: names every scalar by kind and width", "[wire][signature]") {
  CHECK(text_of<void>() == "void");
  CHECK(text_of<bool>() == "bool");
  CHECK(text_of<std::int8_t>() == "i8");
  CHECK(text_of<std::uint16_t>() == "u16");
  CHECK(text_of<int>() == "i32");
  CHECK(text_of<std::uint64_t>() == "u64");
  CHECK(text_of<float>() == "f32");
  CHECK(text_of<double>() == "f64");
  CHECK(text_of<std::byte>() == "u8");
}

TEST_CASE("signature: one width has one name, however it is spelt", "[wire][signature]") {
  CHECK(text_of<long>() == text_of<long long>());
  CHECK(text_of<unsigned long>() == text_of<std::size_t>());
}

TEST_CASE("signature: owners and views of one thing are the same", "[wire][signature]") {
  CHECK(text_of<std::string>() == "str");
  CHECK(text_of<std::string_view>() == "str");
  CHECK(text_of<std::vector<float>>() == "[f32]");
  CHECK(text_of<std::span<const float>>() == "[f32]");
  CHECK(text_of<std::list<float>>() == "[f32]");
  CHECK(text_of<std::vector<std::byte>>() == "bytes");
  CHECK(text_of<std::span<const std::uint8_t>>() == "bytes");
  CHECK(text_of<std::optional<int>>() == "i32?");
  CHECK(text_of<std::unique_ptr<int>>() == "i32?");
}

TEST_CASE("signature: writes containers around what they hold", "[wire][signature]") {
  CHECK(text_of<std::array<int, 3>>() == "[i32; 3]");
  CHECK(text_of<std::set<std::string>>() == "{str}");
  CHECK(text_of<std::unordered_set<std::string>>() == "{str}");
  CHECK(text_of<std::map<std::string, std::vector<int>>>() == "{str: [i32]}");
  CHECK(text_of<std::variant<int, std::string>>() == "<i32 | str>");
  CHECK(text_of<std::tuple<int, double>>() == "(i32, f64)");
  CHECK(text_of<std::pair<int, bool>>() == "(i32, bool)");
  CHECK(text_of<std::monostate>() == "()");
  CHECK(text_of<std::complex<float>>() == "[f32; 2]");
}

TEST_CASE("signature: durations and instants name their tick", "[wire][signature]") {
  CHECK(text_of<std::chrono::milliseconds>() == "duration(i64, 1/1000)");
  CHECK(text_of<std::chrono::duration<double>>() == "duration(f64, 1/1)");
  CHECK(text_of<std::chrono::system_clock::time_point>() == "instant(i64, 1/1000000000)");
}

TEST_CASE("signature: structs have a name, and their fields' where known", "[wire][signature]") {
  CHECK(text_of<sample::extent>() == "extent{width: i32, height: i32}");
  CHECK(text_of<sample::named>() == "named{a: i32, b: str, c: f64?}");
  CHECK(text_of<sample::guarded>() == "guarded!{count_: i32, weights_: [f32]}");
  CHECK(text_of<sample::circle>() == "circle!{shape: shape!{title: str}, radius: f64}");
  CHECK(text_of<sample::empty>() == "empty{}");
  CHECK(text_of<sample::minimal>() == "minimal!{str}");
}

TEST_CASE("signature: a recursive struct refers to itself", "[wire][signature]") {
  CHECK(text_of<sample::node>() == "node{value: i32, kids: [^node]}");
  CHECK(text_of<std::vector<sample::node>>() == "[node{value: i32, kids: [^node]}]");
}

TEST_CASE("signature: enumerations list what MODAL_ENUM lists", "[wire][signature]") {
  CHECK(text_of<sample::mode>() == "mode:i32(fast=0, exact=1)");
  CHECK(text_of<sample::level>() == "level:u8");
}

TEST_CASE("signature: joins parameters and result", "[wire][signature]") {
  CHECK(modal::make_signature({}, {}).text == "() -> void");
  const auto made = modal::make_signature({make_schema<int>(), make_schema<std::vector<float>>()},
                                          make_schema<std::string>());
  CHECK(made.text == "(i32, [f32]) -> str");
  CHECK(made.parameters.size() == 2);
  CHECK(made.result.kind == modal::kind::text);
}

TEST_CASE("signature: the id is the text's id", "[wire][signature]") {
  const auto made = modal::make_signature({make_schema<int>()}, make_schema<int>());
  CHECK(made.id == modal::id128::from_name("(i32) -> i32"));
  CHECK(made.id != modal::make_signature({make_schema<long>()}, make_schema<int>()).id);
}

TEST_CASE("signature: the order of parameters is part of it", "[wire][signature]") {
  const auto a = make_schema<int>();
  const auto b = make_schema<double>();
  CHECK(modal::make_signature({a, b}, {}).id != modal::make_signature({b, a}, {}).id);
}

TEST_CASE("explain_difference: marks where the texts differ", "[wire][signature]") {
  CHECK(modal::explain_difference("(i32, [f32]) -> str", "(i32, [f64]) -> str") ==
        "the signatures differ\n"
        "  executor: (i32, [f32]) -> str\n"
        "                    ^^\n"
        "  caller:   (i32, [f64]) -> str\n"
        "                    ^^");
}

TEST_CASE("explain_difference: marks a parameter that one side lacks", "[wire][signature]") {
  CHECK(modal::explain_difference("(i32) -> i32", "(i32, i32) -> i32") ==
        "the signatures differ\n"
        "  executor: (i32) -> i32\n"
        "                ^\n"
        "  caller:   (i32, i32) -> i32\n"
        "                ^^^^^");
}

TEST_CASE("explain_difference: bears texts that are equal or empty", "[wire][signature]") {
  CHECK_NOTHROW(modal::explain_difference("", ""));
  CHECK_NOTHROW(modal::explain_difference("aa", "a"));
  CHECK_NOTHROW(modal::explain_difference("a", "aaa"));
  CHECK_NOTHROW(modal::explain_difference("() -> void", "() -> void"));
}
