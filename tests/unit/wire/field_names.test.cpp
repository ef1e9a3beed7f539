// SPDX-License-Identifier: Apache-2.0
#include <modal/wire/field_names.hpp>

#include "support/catch.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

using modal::detail::field_names;
using modal::detail::last_identifier;

namespace named_fields {

struct extent {
  int width, height;
};
struct one {
  extent only;
};
struct node {
  std::string title_;
  std::vector<node> kids;
  std::unique_ptr<node> next2;
  const int k = 3;
};
template <class T>
struct holder {
  T held;
  std::map<int, std::string> Table;
};
struct empty {};

class without_default {
 public:
  explicit without_default(int) {}
};
struct around {
  without_default inside;
};

}  // namespace named_fields

namespace {

struct unnamed_namespace {
  int here;
};

template <class T>
std::vector<std::string> names() {
  return {field_names<T>.begin(), field_names<T>.end()};
}

using list = std::vector<std::string>;

}  // namespace

TEST_CASE("field names: are those of the declaration, in its order", "[wire][field_names]") {
  CHECK(names<named_fields::extent>() == list{"width", "height"});
  CHECK(names<named_fields::one>() == list{"only"});
  CHECK(names<named_fields::node>() == list{"title_", "kids", "next2", "k"});
}

TEST_CASE("field names: a template's members have theirs", "[wire][field_names]") {
  CHECK(names<named_fields::holder<std::vector<named_fields::extent>>>() == list{"held", "Table"});
}

TEST_CASE("field names: nothing of the type needs to be made", "[wire][field_names]") {
  CHECK(names<named_fields::around>() == list{"inside"});
}

TEST_CASE("field names: an empty type has none", "[wire][field_names]") {
  CHECK(names<named_fields::empty>().empty());
}

TEST_CASE("field names: types of a function or an unnamed name space have them too",
          "[wire][field_names]") {
  struct local {
    int x, y;
  };
  CHECK(names<local>() == list{"x", "y"});
  CHECK(names<unnamed_namespace>() == list{"here"});
}

TEST_CASE("field names: are found at compile time", "[wire][field_names]") {
  STATIC_REQUIRE(field_names<named_fields::extent>[1] == "height");
}

TEST_CASE("field names: are read from either compiler's spelling", "[wire][field_names]") {
  CHECK(last_identifier(
            "f() [with auto P = place<const int*>{(& n<a::b>.w<a::b>::value.a::b::c_1)}]") ==
        "c_1");
  CHECK(last_identifier("const char *f() [P = place<const int *>{&n.value.width}]") == "width");
  CHECK(last_identifier("f() [P = place<const int *>{&n.value.h\xc3\xb6he}]") == "h\xc3\xb6he");
  CHECK(last_identifier("f() [P = 12]").empty());
  CHECK(last_identifier("<>").empty());
}
