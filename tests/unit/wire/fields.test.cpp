// SPDX-License-Identifier: Apache-2.0
#include <modal/wire/fields.hpp>

#include "support/catch.hpp"
#include "support/samples.hpp"
#include "support/wire.hpp"

#include <string>

namespace visited {

/// Free functions that stand for a value by another one.
struct wrapped {
  int value = 0;
};
template <class Archive>
int save_minimal(const Archive&, const wrapped& each) {
  return each.value;
}
template <class Archive>
void load_minimal(const Archive&, wrapped& each, const int& value) {
  each.value = value;
}

struct blob {
  std::array<std::uint8_t, 4> bytes{};
  template <class Archive>
  void serialize(Archive& archive) {
    archive(cereal::binary_data(bytes.data(), bytes.size()));
  }
};

}  // namespace visited

TEST_CASE("fields: a struct's fields follow each other without a frame", "[wire][fields]") {
  const auto apart = test::encode(1, std::string("x"), std::optional<double>{2.0});
  CHECK(test::encode(sample::named{1, "x", 2.0}) == apart);
}

TEST_CASE("fields: a plain aggregate has the bytes of its members", "[wire][fields]") {
  CHECK(test::encode(sample::extent{3, 4}) == test::encode(3, 4));
}

TEST_CASE("fields: a base class comes as its own fields", "[wire][fields]") {
  sample::circle value;
  value.title = "t";
  value.radius = 2;
  CHECK(test::encode(value) == test::encode(std::string("t"), 2.0));
}

TEST_CASE("fields: free minimal functions stand for the value", "[wire][fields]") {
  const visited::wrapped value{5};
  CHECK(test::encode(value) == test::encode(5));
  CHECK(test::decode<visited::wrapped>(test::encode(value)).value == 5);
  CHECK(test::decode_json<visited::wrapped>(test::encode_json(value)).value == 5);
}

TEST_CASE("fields: cereal's binary data goes raw", "[wire][fields]") {
  const visited::blob value{{1, 2, 3, 4}};
  CHECK(test::encode(value) == test::encode(std::uint32_t{0x04030201}));
  CHECK(test::decode<visited::blob>(test::encode(value)).bytes == value.bytes);
  CHECK(test::encode_json(value) == "[\"AQIDBA==\"]");
  CHECK(test::decode_json<visited::blob>("[\"AQIDBA==\"]").bytes == value.bytes);
  CHECK(test::json_error<visited::blob>("[\"AQID\"]") == modal::errc::malformed_payload);
}
