// SPDX-License-Identifier: Apache-2.0
#include <modal/wire/containers.hpp>
#include <modal/wire/make_schema.hpp>

#include "support/catch.hpp"
#include "support/samples.hpp"
#include "support/wire.hpp"

#include <algorithm>
#include <atomic>
#include <bitset>
#include <forward_list>
#include <queue>
#include <stack>
#include <valarray>

using modal::errc;
using modal::detail::make_schema;

namespace {

template <class T>
std::string text_of() {
  return to_text(make_schema<T>());
}

struct counted {
  std::atomic<int> count{0};
  std::atomic<bool> done{false};
};

/// All of one hash value, as somebody would choose them.
struct collides {
  std::size_t operator()(int) const noexcept { return 1; }
};

std::vector<std::pair<std::string, int>> sorted(
    const std::unordered_multimap<std::string, int>& from) {
  std::vector<std::pair<std::string, int>> all(from.begin(), from.end());
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace

TEST_CASE("containers: the key of an element is itself, or the first of its pair",
          "[wire][containers]") {
  using modal::detail::key_of;
  CHECK(key_of<std::set<int>>(3) == 3);
  CHECK(key_of<std::map<int, int>>({3, 4}) == 3);
}

TEST_CASE("containers: only hash tables can be flooded", "[wire][containers]") {
  std::set<int> ordered;
  std::unordered_set<int> hashed{1, 2, 3};
  for (int i = 0; i < 1000; ++i) ordered.insert(i);
  CHECK_FALSE(modal::detail::is_flooded(ordered, 1));
  CHECK_FALSE(modal::detail::is_flooded(hashed, 1));
}

TEST_CASE("containers: lists of one element type have the same bytes", "[wire][containers]") {
  const auto expected = test::encode(std::int8_t{1}, std::vector<float>{1, 2, 3});
  CHECK(test::encode(std::int8_t{1}, std::deque<float>{1, 2, 3}) == expected);
  CHECK(test::encode(std::int8_t{1}, std::list<float>{1, 2, 3}) == expected);
  CHECK(test::encode(std::int8_t{1}, std::forward_list<float>{1, 2, 3}) == expected);
  CHECK(test::encode(std::int8_t{1}, std::valarray<float>{1, 2, 3}) == expected);
  CHECK(test::encode(std::int8_t{1}, std::stack<float>(std::deque<float>{1, 2, 3})) == expected);
  CHECK(test::encode(std::vector<float>{}) == test::encode(std::list<float>{}));
}

TEST_CASE("containers: one list is read as another, also from a segment", "[wire][containers]") {
  const std::vector<int> many(5000, 7);
  const auto bytes = test::encode(many);
  const auto listed = test::decode<std::list<int>>(bytes);
  CHECK(std::equal(listed.begin(), listed.end(), many.begin(), many.end()));
  CHECK(test::decode<std::deque<int>>(bytes).size() == 5000);
  CHECK(test::decode<std::valarray<int>>(bytes).sum() == 35000);
}

TEST_CASE("containers: elements of a strict alignment are in a segment, wherever they come from",
          "[wire][containers]") {
  struct alignas(64) wide {
    std::array<int, 16> lanes;
  };
  const std::deque<wide> value{{{1}}, {{2}}};
  const auto back = test::decode<std::deque<wide>>(test::encode(value));
  REQUIRE(back.size() == 2);
  CHECK(back[1].lanes[0] == 2);
}

TEST_CASE("containers: forward lists keep their order", "[wire][containers]") {
  const std::forward_list<std::string> value{"a", "b", "c"};
  CHECK(test::decode<std::forward_list<std::string>>(test::encode(value)) == value);
  CHECK(test::encode_json(value) == R"(["a","b","c"])");
  CHECK(test::decode_json<std::forward_list<std::string>>(R"(["a","b","c"])") == value);
  CHECK(text_of<std::forward_list<std::string>>() == "[str]");
}

TEST_CASE("containers: valarrays are lists", "[wire][containers]") {
  const std::valarray<std::string> texts{"a", "b"};
  const auto back = test::decode<std::valarray<std::string>>(test::encode(texts));
  REQUIRE(back.size() == 2);
  CHECK(back[1] == "b");
  CHECK(test::encode_json(std::valarray<double>{1.5, 2}) == "[1.5,2]");
  CHECK(test::decode_json<std::valarray<double>>("[1.5,2]")[0] == 1.5);
  CHECK(test::decode<std::valarray<double>>(test::encode(std::valarray<double>{})).size() == 0);
  CHECK(text_of<std::valarray<double>>() == "[f64]");
}

TEST_CASE("containers: stacks and queues are what is in them", "[wire][containers]") {
  std::stack<std::string> stack;
  stack.push("under");
  stack.push("top");
  CHECK(test::decode<std::stack<std::string>>(test::encode(stack)) == stack);
  CHECK(test::encode_json(stack) == R"(["under","top"])");
  std::queue<int, std::list<int>> queue;
  queue.push(1);
  queue.push(2);
  CHECK(test::decode<std::queue<int, std::list<int>>>(test::encode(queue)) == queue);
  CHECK(test::decode_json<std::queue<int, std::list<int>>>("[1,2]") == queue);
  CHECK(text_of<std::queue<int>>() == "[i32]");
}

TEST_CASE("containers: a priority queue does not trust the order of its peer",
          "[wire][containers]") {
  auto queue = test::decode<std::priority_queue<int>>(test::encode(std::vector<int>{1, 3, 2}));
  CHECK(queue.top() == 3);
  queue.pop();
  CHECK(queue.top() == 2);
  CHECK(test::decode_json<std::priority_queue<int>>("[1,3,2]").top() == 3);
  CHECK(test::encode(queue) == test::encode(std::vector<int>{2, 1}));
}

TEST_CASE("containers: bitsets are packed", "[wire][containers]") {
  const std::bitset<11> value("10000000101");
  CHECK(test::encode(value) == test::encode(std::uint8_t{5}, std::uint8_t{4}));
  CHECK(test::decode<std::bitset<11>>(test::encode(value)) == value);
  CHECK(test::decode_error<std::bitset<11>>(test::encode(std::uint8_t{0}, std::uint8_t{8})) ==
        errc::malformed_payload);
  CHECK(test::decode<std::bitset<8>>(test::encode(std::uint8_t{255})).all());
  CHECK(test::decode<std::bitset<0>>(test::encode(std::bitset<0>())).none());
  CHECK(test::decode_error<std::bitset<0>>(test::encode(std::uint8_t{1})) ==
        errc::malformed_payload);
  CHECK(test::encode_json(value) == "\"10000000101\"");
  CHECK(test::decode_json<std::bitset<11>>("\"10000000101\"") == value);
  CHECK(test::json_error<std::bitset<11>>("\"1\"") == errc::malformed_payload);
  CHECK(test::json_error<std::bitset<2>>("\"12\"") == errc::malformed_payload);
  CHECK(text_of<std::bitset<11>>() == "bits(11)");
}

TEST_CASE("containers: an atomic is its value", "[wire][containers]") {
  counted value;
  value.count = 5;
  value.done = true;
  CHECK(test::encode(value) == test::encode(5, true));
  counted back;
  const test::received body(test::encode(value));
  test::decode_into(back, body.view());
  CHECK(back.count == 5);
  CHECK(back.done);
  CHECK(test::encode_json(value) == R"({"count":5,"done":true})");
  CHECK(text_of<counted>() == "counted{count: i32, done: bool}");
}

TEST_CASE("containers: hash tables may hold a key many times", "[wire][containers]") {
  std::unordered_multimap<std::string, int> map;
  for (int i = 0; i < 1000; ++i) map.emplace("same", i);
  map.emplace("other", 1);
  using map_type = decltype(map);
  CHECK(sorted(test::decode<map_type>(test::encode(map))) == sorted(map));
  CHECK(sorted(test::decode_json<map_type>(test::encode_json(map))) == sorted(map));
  const std::unordered_multiset<int> set{1, 1, 2};
  CHECK(test::decode<std::unordered_multiset<int>>(test::encode(set)) == set);
  CHECK(make_schema<map_type>().repeats);
}

TEST_CASE("containers: chosen keys are refused, where they may repeat too", "[wire][containers]") {
  std::vector<int> keys(1000);
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = static_cast<int>(i);
  const std::set<int> chosen(keys.begin(), keys.end());
  CHECK(test::decode_error<std::unordered_set<int, collides>>(test::encode(chosen)) ==
        errc::too_large);
  CHECK(test::decode_error<std::unordered_multiset<int, collides>>(test::encode(chosen)) ==
        errc::too_large);
  CHECK(test::json_error<std::unordered_multiset<int, collides>>(test::encode_json(chosen)) ==
        errc::malformed_payload);
}

TEST_CASE("containers: what a list's nodes take is paid for, and a deque has none",
          "[wire][containers]") {
  const auto bytes = test::encode(std::vector<std::uint8_t>(std::size_t{2} << 20));
  CHECK(test::decode<std::deque<std::uint8_t>>(bytes).size() == std::size_t{2} << 20);
  CHECK(test::decode_error<std::list<std::uint8_t>>(bytes) == errc::too_large);
}

TEST_CASE("containers: bytes are base64 in every list", "[wire][containers]") {
  const std::deque<std::uint8_t> value{1, 2, 3, 4};
  CHECK(test::encode_json(value) == "\"AQIDBA==\"");
  CHECK(test::decode_json<std::deque<std::uint8_t>>("\"AQIDBA==\"") == value);
}
