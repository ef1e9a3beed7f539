// SPDX-License-Identifier: Apache-2.0
#include <modal/wire/classify.hpp>
#include <modal/wire/declare.hpp>

#include "support/catch.hpp"
#include "support/wire.hpp"

namespace declared {

struct single {
  int only;
  bool operator==(const single&) const = default;
};
MODAL_FIELDS(single, only)

struct many {
  int a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z;
  bool operator==(const many&) const = default;
};
MODAL_FIELDS(many, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z)

struct partly {
  int sent = 0;
  int kept = 7;
};
MODAL_FIELDS(partly, sent)

enum class one { only };
MODAL_ENUM(one, only)

enum plain { red = 1, green = 2 };
MODAL_ENUM(plain, red, green)

enum class negative : std::int8_t { below = -1, above = 1 };
MODAL_ENUM(negative, below, above)

}  // namespace declared

TEST_CASE("MODAL_FIELDS: names one field", "[wire][declare]") {
  CHECK(test::encode_json(declared::single{3}) == R"({"only":3})");
  CHECK(test::decode<declared::single>(test::encode(declared::single{3})) == declared::single{3});
}

TEST_CASE("MODAL_FIELDS: names many fields, in their order", "[wire][declare]") {
  const declared::many value{1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13,
                             14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26};
  CHECK(test::decode<declared::many>(test::encode(value)) == value);
  const auto text = test::encode_json(value);
  CHECK(text.starts_with(R"({"a":1,"b":2,)"));
  CHECK(test::decode_json<declared::many>(text) == value);
}

TEST_CASE("MODAL_FIELDS: fields that are not listed stay here", "[wire][declare]") {
  declared::partly sent;
  sent.sent = 1;
  sent.kept = 2;
  const auto received = test::decode<declared::partly>(test::encode(sent));
  CHECK(received.sent == 1);
  CHECK(received.kept == 7);
}

TEST_CASE("MODAL_ENUM: takes scoped and unscoped enumerations", "[wire][declare]") {
  CHECK(modal::enumerators<declared::one>::list.size() == 1);
  CHECK(test::encode_json(declared::green) == "\"green\"");
  CHECK(test::decode<declared::plain>(test::encode(declared::red)) == declared::red);
}

TEST_CASE("MODAL_ENUM: takes negative values", "[wire][declare]") {
  const auto value = declared::negative::below;
  CHECK(test::decode<declared::negative>(test::encode(value)) == value);
  CHECK(test::decode_json<declared::negative>("-1") == value);
}
