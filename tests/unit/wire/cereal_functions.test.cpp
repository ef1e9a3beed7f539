// SPDX-License-Identifier: Apache-2.0
#include <modal/wire/cereal_functions.hpp>
#include <modal/wire/declare.hpp>

#include "support/catch.hpp"
#include "support/wire.hpp"

#include <map>
#include <string>
#include <vector>

using modal::detail::category;
using modal::detail::category_of;
using modal::detail::field_source;
using modal::detail::field_source_of;
using modal::detail::make_schema;

// Types whose fields cereal's users do not declare in the ways that are seen first.
namespace by_cereal {

/// Inherits one function and brings another.
struct base {
  int inner = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(inner);
  }
};
struct chosen : base {
  int outer = 0;
};
template <class Archive>
void save(Archive& archive, const chosen& each) {
  archive(each.outer, each.inner);
}
template <class Archive>
void load(Archive& archive, chosen& each) {
  archive(each.outer, each.inner);
}

/// A list that has something beside its elements.
struct titled : std::vector<int> {
  std::string title;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(title, cereal::base_class<std::vector<int>>(this));
  }
};

/// The same, by a free function.
struct stamped : std::map<int, int> {
  int stamp = 0;
};
template <class Archive>
void serialize(Archive& archive, stamped& each) {
  archive(each.stamp);
}

/// No more than a list, though cereal has functions for what it derives from.
struct names : std::vector<std::string> {};

/// Looks like a container of its own.
template <class T>
class ring {
 public:
  using value_type = T;
  auto begin() { return items_.begin(); }
  auto begin() const { return items_.begin(); }
  auto end() const { return items_.end(); }
  std::size_t size() const { return items_.size(); }
  void clear() { items_.clear(); }
  T& emplace_back() { return items_.emplace_back(); }
  std::vector<T> items_;
  int position = 0;
};
template <class Archive, class T>
void serialize(Archive& archive, ring<T>& each) {
  archive(each.position, each.items_);
}

enum class colour : int { red, green };
template <class Archive>
std::string save_minimal(const Archive&, const colour& each) {
  return each == colour::red ? "red" : "green";
}
template <class Archive>
void load_minimal(const Archive&, colour& each, const std::string& text) {
  each = text == "red" ? colour::red : colour::green;
}

class made_by_cereal {
 public:
  explicit made_by_cereal(int number) : number_(number) {}
  [[nodiscard]] int number() const { return number_; }

 private:
  friend class cereal::access;
  made_by_cereal() = default;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(number_);
  }
  int number_ = 0;
};

struct grid {
  int cells[2][2] = {};
  std::string names[2];
  template <class Archive>
  void serialize(Archive& archive) {
    archive(cells, names);
  }
};

}  // namespace by_cereal

namespace foreign {
/// An aggregate of somebody else, of which cereal must know more than its members.
struct point {
  int x, y;
};
}  // namespace foreign

namespace cereal {
template <class Archive>
void serialize(Archive& archive, foreign::point& each) {
  archive(make_nvp("y", each.y), make_nvp("x", each.x));
}
}  // namespace cereal

CEREAL_SPECIALIZE_FOR_ALL_ARCHIVES(by_cereal::chosen, cereal::specialization::non_member_load_save)

namespace {

template <class T>
T again(const T& value) {
  auto made = modal::detail::make_default<T>();
  const test::received body(test::encode(value));
  test::decode_into(made, body.view());
  return made;
}

}  // namespace

TEST_CASE("cereal: specialize chooses among functions", "[wire][cereal]") {
  CHECK(field_source_of<by_cereal::chosen> == field_source::free_split);
  by_cereal::chosen value;
  value.inner = 1;
  value.outer = 2;
  CHECK(test::encode(value) == test::encode(2, 1));
  CHECK(again(value).inner == 1);
  CHECK(again(value).outer == 2);
}

TEST_CASE("cereal: a container with a function is what the function says", "[wire][cereal]") {
  by_cereal::titled value;
  value.assign({1, 2});
  value.title = "t";
  CHECK(category_of<by_cereal::titled> == category::structure);
  CHECK(again(value).title == "t");
  CHECK(again(value) == value);
  const auto json = test::decode_json<by_cereal::titled>(test::encode_json(value));
  CHECK(json.title == "t");
  CHECK(json == value);

  by_cereal::stamped stamped;
  stamped.stamp = 3;
  CHECK(category_of<by_cereal::stamped> == category::structure);
  CHECK(test::encode(stamped) == test::encode(3));

  by_cereal::ring<int> ring;
  ring.items_ = {4, 5};
  ring.position = 1;
  CHECK(category_of<by_cereal::ring<int>> == category::structure);
  CHECK(again(ring).position == 1);
  CHECK(again(ring).items_ == ring.items_);
}

TEST_CASE("cereal: a container without one is its elements", "[wire][cereal]") {
  by_cereal::names value;
  value.assign({"a", "b"});
  CHECK(category_of<by_cereal::names> == category::sequence);
  CHECK(again(value) == value);
  CHECK(to_text(make_schema<by_cereal::names>()) == "[str]");
}

TEST_CASE("cereal: functions in its name space are for types of others", "[wire][cereal]") {
  CHECK(field_source_of<foreign::point> == field_source::free_serialize);
  CHECK(test::encode(foreign::point{1, 2}) == test::encode(2, 1));
  CHECK(test::encode_json(foreign::point{1, 2}) == R"({"y":2,"x":1})");
  CHECK(test::decode_json<foreign::point>(R"({"x":1,"y":2})").y == 2);
  CHECK(to_text(make_schema<foreign::point>()) == "point!{y: i32, x: i32}");
  CHECK_FALSE(modal::detail::is_bitwise<foreign::point>);
}

TEST_CASE("cereal: an enumeration may have a function", "[wire][cereal]") {
  CHECK(category_of<by_cereal::colour> == category::structure);
  CHECK(test::encode(by_cereal::colour::green) == test::encode(std::string("green")));
  CHECK(again(by_cereal::colour::green) == by_cereal::colour::green);
  CHECK(to_text(make_schema<by_cereal::colour>()) == "colour!{str}");
}

TEST_CASE("cereal: may make what nobody else may", "[wire][cereal]") {
  using type = by_cereal::made_by_cereal;
  CHECK(again(type(5)).number() == 5);
  std::vector<type> list{type(1), type(2)};
  CHECK(again(list).at(1).number() == 2);
  std::optional<type> maybe{type(3)};
  CHECK(again(maybe)->number() == 3);
  std::map<int, type> map;
  map.emplace(1, type(4));
  CHECK(again(map).at(1).number() == 4);
  auto owned = std::make_unique<type>(6);
  CHECK(again(owned)->number() == 6);
  CHECK(test::decode_json<std::vector<type>>("[[7]]").at(0).number() == 7);
  CHECK(to_text(make_schema<type>()) == "made_by_cereal!{i32}");
}

TEST_CASE("cereal: C arrays are fields of functions", "[wire][cereal]") {
  by_cereal::grid value;
  value.cells[1][0] = 7;
  value.names[1] = "n";
  CHECK(to_text(make_schema<by_cereal::grid>()) == "grid!{[[i32; 2]; 2], [str; 2]}");
  CHECK(again(value).cells[1][0] == 7);
  CHECK(again(value).names[1] == "n");
  const auto json = test::decode_json<by_cereal::grid>(test::encode_json(value));
  CHECK(json.cells[1][0] == 7);
  CHECK(json.names[1] == "n");
}
