// SPDX-License-Identifier: Apache-2.0
#include <modal/wire/classify.hpp>
#include <modal/wire/fields.hpp>

#include "support/catch.hpp"
#include "support/samples.hpp"

using modal::detail::category;
using modal::detail::category_of;
using modal::detail::field_source;
using modal::detail::field_source_of;
using modal::detail::is_bitwise;
using modal::detail::min_wire_size;

namespace classified {

struct padded {
  char tag;
  int value;
};
struct with_bool {
  bool flag;
};
struct with_text {
  std::string text;
};
struct nested {
  sample::extent inner;
  std::array<float, 2> rest;
};
struct opted_in {
  char tag;
  int value;
};
enum class sparse { one = 1, four = 4 };
MODAL_ENUM(sparse, one, four)

}  // namespace classified

template <>
inline constexpr bool modal::enable_bitwise<classified::opted_in> = true;

TEST_CASE("classify: knows every kind of type", "[wire][classify]") {
  CHECK(category_of<bool> == category::boolean);
  CHECK(category_of<char> == category::integer);
  CHECK(category_of<std::uint64_t> == category::integer);
  CHECK(category_of<float> == category::floating);
  CHECK(category_of<std::byte> == category::byte);
  CHECK(category_of<sample::mode> == category::enumeration);
  CHECK(category_of<std::string> == category::text);
  CHECK(category_of<std::string_view> == category::text);
  CHECK(category_of<std::vector<int>> == category::sequence);
  CHECK(category_of<std::deque<int>> == category::sequence);
  CHECK(category_of<std::list<int>> == category::sequence);
  CHECK(category_of<std::span<const int>> == category::span);
  CHECK(category_of<std::array<int, 2>> == category::array);
  CHECK(category_of<std::set<int>> == category::set);
  CHECK(category_of<std::unordered_set<int>> == category::set);
  CHECK(category_of<std::map<int, int>> == category::map);
  CHECK(category_of<std::unordered_map<int, int>> == category::map);
  CHECK(category_of<std::optional<int>> == category::optional);
  CHECK(category_of<std::unique_ptr<int>> == category::pointer);
  CHECK(category_of<std::variant<int, bool>> == category::variant);
  CHECK(category_of<std::pair<int, int>> == category::tuple);
  CHECK(category_of<std::tuple<>> == category::tuple);
  CHECK(category_of<std::monostate> == category::monostate);
  CHECK(category_of<std::complex<double>> == category::complex);
  CHECK(category_of<std::chrono::seconds> == category::period);
  CHECK(category_of<std::chrono::system_clock::time_point> == category::instant);
  CHECK(category_of<sample::named> == category::structure);
}

TEST_CASE("classify: finds who says what the fields are", "[wire][classify]") {
  CHECK(field_source_of<sample::extent> == field_source::plain);
  CHECK(field_source_of<sample::named> == field_source::listed);
  CHECK(field_source_of<sample::guarded> == field_source::member_serialize);
  CHECK(field_source_of<sample::copied> == field_source::member_split);
  CHECK(field_source_of<sample::tagged> == field_source::free_split);
  CHECK(field_source_of<sample::minimal> == field_source::member_minimal);
}

TEST_CASE("classify: numbers and packed structs of them go as they lie in memory",
          "[wire][classify]") {
  CHECK(is_bitwise<int>);
  CHECK(is_bitwise<double>);
  CHECK(is_bitwise<std::byte>);
  CHECK(is_bitwise<std::complex<float>>);
  CHECK(is_bitwise<std::chrono::milliseconds>);
  CHECK(is_bitwise<std::array<float, 4>>);
  CHECK(is_bitwise<sample::extent>);
  CHECK(is_bitwise<classified::nested>);
}

TEST_CASE("classify: what has invalid bits, padding or pointers does not go as it lies",
          "[wire][classify]") {
  CHECK_FALSE(is_bitwise<bool>);
  CHECK_FALSE(is_bitwise<sample::mode>);
  CHECK_FALSE(is_bitwise<classified::padded>);
  CHECK_FALSE(is_bitwise<classified::with_bool>);
  CHECK_FALSE(is_bitwise<classified::with_text>);
  CHECK_FALSE(is_bitwise<std::span<const int>>);
  CHECK_FALSE(is_bitwise<std::string_view>);
  CHECK_FALSE(is_bitwise<sample::empty>);
  CHECK_FALSE(is_bitwise<std::array<int, 0>>);
}

TEST_CASE("classify: enable_bitwise overrules padding", "[wire][classify]") {
  CHECK(is_bitwise<classified::opted_in>);
}

TEST_CASE("classify: no value takes less than one byte", "[wire][classify]") {
  CHECK(min_wire_size<sample::empty>() == 1);
  CHECK(min_wire_size<std::monostate>() == 1);
  CHECK(min_wire_size<std::tuple<>>() == 1);
  CHECK(min_wire_size<std::array<std::string, 0>>() == 1);
  CHECK(min_wire_size<std::array<std::string, 3>>() == 24);
  CHECK(min_wire_size<std::string>() == 8);
  CHECK(min_wire_size<sample::mode>() == 4);
  CHECK(min_wire_size<std::variant<int, bool>>() == 4);
  CHECK(min_wire_size<sample::extent>() == 8);
}

TEST_CASE("MODAL_ENUM: lists values and names", "[wire][classify]") {
  using listed = modal::enumerators<classified::sparse>;
  CHECK(listed::declared);
  CHECK(listed::contains(classified::sparse::four));
  CHECK_FALSE(listed::contains(static_cast<classified::sparse>(2)));
  CHECK(listed::list.size() == 2);
  CHECK(listed::list[1].second == "four");
  CHECK_FALSE(modal::enumerators<sample::level>::declared);
}
