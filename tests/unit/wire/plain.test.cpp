// SPDX-License-Identifier: Apache-2.0
#include <modal/wire/plain.hpp>

#include "support/catch.hpp"

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

using modal::detail::has_base_class;
using modal::detail::has_bit_field;
using modal::detail::has_c_array;

namespace plain {

struct none {};
struct members {
  int a;
  std::string b;
  std::array<int, 3> c;
};
struct inner {
  int x, y;
};
struct nested {
  inner first;
  int second;
};
struct numbers {
  int a[3];
  int b;
};
struct letters {
  std::string a;
  char b[64];
};
struct matrix {
  double cells[4][4];
};
struct structs {
  int a;
  inner b[2];
};
struct tag {};
struct tagged : tag {
  int own;
};
struct below : inner {
  int own;
};
struct listed : std::vector<int> {
  int own;
};

class explicitly_made {
 public:
  explicit explicitly_made(int = 0) {}
};
struct awkward {
  explicitly_made a;
  std::vector<std::string> b;
  std::map<int, int> c;
  std::optional<explicitly_made> d;
  std::variant<int, std::string> e;
  std::unique_ptr<int> f;
  const int g = 3;
};

struct bits {
  std::string a;
  unsigned b : 3;
  unsigned c : 5;
};
struct one_bit {
  bool is_on : 1;
};
struct last_bit {
  int a, b, c, d, e, f, g, h;
  long i : 7;
};

}  // namespace plain

TEST_CASE("plain: finds base classes", "[wire][plain]") {
  CHECK(has_base_class<plain::tagged>);
  CHECK(has_base_class<plain::below>);
  CHECK(has_base_class<plain::listed>);
  CHECK_FALSE(has_base_class<plain::none>);
  CHECK_FALSE(has_base_class<plain::members>);
  CHECK_FALSE(has_base_class<plain::nested>);
  CHECK_FALSE(has_base_class<plain::awkward>);
}

TEST_CASE("plain: finds C arrays", "[wire][plain]") {
  CHECK(has_c_array<plain::numbers>());
  CHECK(has_c_array<plain::letters>());
  CHECK(has_c_array<plain::matrix>());
  CHECK(has_c_array<plain::structs>());
  CHECK_FALSE(has_c_array<plain::none>());
  CHECK_FALSE(has_c_array<plain::members>());
  CHECK_FALSE(has_c_array<plain::nested>());
  CHECK_FALSE(has_c_array<plain::awkward>());
}

TEST_CASE("plain: finds bit-fields", "[wire][plain]") {
  CHECK(has_bit_field<plain::bits>);
  CHECK(has_bit_field<plain::one_bit>);
  CHECK(has_bit_field<plain::last_bit>);
  CHECK_FALSE(has_bit_field<plain::members>);
  CHECK_FALSE(has_bit_field<plain::nested>);
  CHECK_FALSE(has_bit_field<plain::awkward>);
}
