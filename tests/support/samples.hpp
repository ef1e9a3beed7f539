// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/wire/declare.hpp>

#include <bitset>
#include <chrono>
#include <complex>
#include <deque>
#include <forward_list>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <stack>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

/// @file
/// One value, at least, of every kind of type that can be sent.

namespace sample {

struct extent {
  int width, height;
  bool operator==(const extent&) const = default;
};

struct named {
  int a;
  std::string b;
  std::optional<double> c;
  bool operator==(const named&) const = default;
};
MODAL_FIELDS(named, a, b, c)

enum class mode { fast, exact };
MODAL_ENUM(mode, fast, exact)

enum class level : std::uint8_t { low, high };

struct empty {
  bool operator==(const empty&) const = default;
};

struct node {
  int value;
  std::vector<node> kids;
  bool operator==(const node&) const = default;
};

/// A list whose tail is owned: compared by value.
struct chain {
  int value = 0;
  std::unique_ptr<chain> next;
  bool operator==(const chain& other) const {
    if (value != other.value || !next != !other.next) return false;
    return !next || *next == *other.next;
  }
};

/// Private members, seen by cereal's access only.
class guarded {
 public:
  guarded() = default;
  guarded(int count, std::vector<float> weights) : count_(count), weights_(std::move(weights)) {}
  bool operator==(const guarded&) const = default;

 private:
  friend class cereal::access;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(count_), CEREAL_NVP(weights_));
  }
  int count_ = 0;
  std::vector<float> weights_;
};

/// A base class and a member of its own.
struct shape {
  std::string title;
  bool operator==(const shape&) const = default;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(cereal::make_nvp("title", title));
  }
};
struct circle : shape {
  double radius = 0;
  bool operator==(const circle&) const = default;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(cereal::make_nvp("shape", cereal::base_class<shape>(this)),
            cereal::make_nvp("radius", radius));
  }
};

/// save() and load() as free functions that write a size tag.
struct tagged {
  std::vector<int> values;
  bool operator==(const tagged&) const = default;
};
template <class Archive>
void save(Archive& archive, const tagged& value) {
  archive(cereal::make_size_tag(static_cast<cereal::size_type>(value.values.size())));
  for (const int each : value.values) archive(each);
}
template <class Archive>
void load(Archive& archive, tagged& value) {
  cereal::size_type size = 0;
  archive(cereal::make_size_tag(size));
  value.values.resize(static_cast<std::size_t>(size));
  for (int& each : value.values) archive(each);
}

/// save() that hands over a temporary.
struct copied {
  std::vector<float> values;
  bool operator==(const copied&) const = default;
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

/// One value stands for the whole.
struct minimal {
  int value = 0;
  bool operator==(const minimal&) const = default;
  template <class Archive>
  std::string save_minimal(const Archive&) const {
    return std::to_string(value);
  }
  template <class Archive>
  void load_minimal(const Archive&, const std::string& text) {
    value = std::stoi(text);
  }
};

/// Calls `check(name, value)` for values of every kind.
template <class Check>
void each(Check&& check) {
  using namespace std::chrono_literals;
  check("bool", true);
  check("char", 'c');
  check("least int8", std::numeric_limits<std::int8_t>::min());
  check("least int64", std::numeric_limits<std::int64_t>::min());
  check("most uint64", std::numeric_limits<std::uint64_t>::max());
  check("float", 0.1f);
  check("double", 1e300);
  check("byte", std::byte{200});
  check("text", std::string("hi \"x\" \n \xc3\xa9"));
  check("empty text", std::string());
  check("text with a zero", std::string("a\0b", 3));
  check("enumeration with names", mode::exact);
  check("enumeration without names", level::high);
  check("floats", std::vector<float>{1, 2, 0.1f});
  check("many floats", std::vector<float>(3000, 2.f));
  check("no floats", std::vector<float>{});
  check("bytes", std::vector<std::uint8_t>{1, 2, 3, 4, 5});
  check("std::bytes", std::vector<std::byte>(10));
  check("bools", std::vector<bool>{true, false, true});
  check("long texts", std::vector<std::string>{std::string(5000, 'x'), "", std::string(9000, 'y')});
  check("deque", std::deque<int>{1, 2});
  check("list", std::list<std::string>{"a", "b"});
  check("array of numbers", std::array<int, 3>{1, 2, 3});
  check("array of texts", std::array<std::string, 2>{"a", "b"});
  check("array of nothing", std::array<int, 0>{});
  check("forward list", std::forward_list<int>{3, 1});
  check("stack", std::stack<std::string>(std::deque<std::string>{"a", "b"}));
  check("queue", std::queue<int>(std::deque<int>{1, 2}));
  check("bitset", std::bitset<19>(0x5a5a5));
  check("set", std::set<int>{1, 2});
  check("multiset", std::multiset<int>{1, 1, 2});
  check("unordered set", std::unordered_set<std::string>{"x", "y"});
  check("unordered multiset", std::unordered_multiset<int>{1, 1, 2});
  check("map by text", std::map<std::string, int>{{"a", 1}, {"", 2}});
  check("map by number", std::map<int, std::vector<bool>>{{1, {true, false}}, {2, {}}});
  check("unordered map", std::unordered_map<int, std::string>{{1, "x"}, {2, "y"}});
  check("unordered multimap", std::unordered_multimap<int, int>{{1, 2}, {1, 3}});
  check("optional", std::optional<std::string>{"q"});
  check("no optional", std::optional<std::string>{});
  check("variant", std::variant<int, std::string>{"v"});
  check("monostate", std::monostate{});
  check("pair", std::pair<int, bool>{1, true});
  check("tuple", std::tuple<int, double, std::string>{1, .1, "c"});
  check("complex", std::complex<float>{1, 2});
  check("duration", std::chrono::milliseconds{5});
  check("real duration", std::chrono::duration<double>{0.25});
  check("instant", std::chrono::system_clock::time_point{9s});
  check("aggregate", extent{3, 4});
  check("aggregates", std::vector<extent>{{1, 2}, {3, 4}});
  check("named fields", named{1, "b", 2.5});
  check("recursive aggregate", node{1, {{2, {}}, {3, {{4, {}}}}}});
  check("private fields", guarded{9, std::vector<float>(5000, 1.5f)});
  check("split functions and a size tag", tagged{{1, 2, 3}});
  check("split functions and a temporary", copied{std::vector<float>(4000, 1.f)});
  check("minimal functions", minimal{42});
  check("empty structs", std::vector<empty>(5));
  check("nested containers",
        std::map<std::string, std::vector<std::optional<std::pair<int, std::string>>>>{
            {"a", {std::pair{1, std::string("x")}, std::nullopt}}, {"b", {}}});

  circle round;
  round.title = "round";
  round.radius = 2.5;
  check("base class", round);

  chain owned;
  owned.value = 1;
  owned.next = std::make_unique<chain>();
  owned.next->value = 2;
  check("unique_ptr", owned);
}

}  // namespace sample
