// SPDX-License-Identifier: Apache-2.0
#include <modal/client/remote.hpp>

#include "support/catch.hpp"

// Only declared: a caller needs no definition.
namespace elsewhere {
int add(int a, int b);
std::string_view longest(std::span<const std::uint8_t> bytes, std::string_view text);
struct scale {
  float factor;
  float operator()(float value) const;
};
}  // namespace elsewhere

TEST_CASE("remote: has the qualified name and the signature", "[client][remote]") {
  CHECK(modal::remote<elsewhere::add>.name() == "elsewhere::add");
  CHECK(modal::remote<elsewhere::add>.signature().text == "(i32, i32) -> i32");
  CHECK(modal::remote<elsewhere::longest>.signature().text == "(bytes, str) -> str");
  CHECK(modal::remote_as<elsewhere::add>("team.add").name() == "team.add");
}

TEST_CASE("remote: gives owners where the function returns views", "[client][remote]") {
  using result = decltype(modal::remote<elsewhere::longest>)::result_type;
  STATIC_REQUIRE(std::is_same_v<result, std::string>);
}

TEST_CASE("remote: a function object's state is its first argument", "[client][remote]") {
  const auto bound = modal::bind(elsewhere::scale{2});
  CHECK(bound.name() == "elsewhere::scale");
  CHECK(bound.signature().text == "(scale{factor: f32}, f32) -> f32");
}

TEST_CASE("remote: with and on change a copy", "[client][remote]") {
  const auto patient = modal::remote<elsewhere::add>.with({.timeout = std::chrono::seconds{9}});
  CHECK(patient.options().timeout == std::chrono::seconds{9});
  CHECK(!modal::remote<elsewhere::add>.options().timeout);
}

TEST_CASE("remote: reports an executor that is not there", "[client][remote]") {
  modal::client nowhere("http://127.0.0.1:1");
  const auto function = modal::remote<elsewhere::add>.on(nowhere).with({.retries = 0});
  CHECK(function.try_call(1, 2).error() == modal::errc::connect_failed);
  CHECK(function.spawn(1, 2).try_get().error() == modal::errc::connect_failed);
  CHECK_THROWS_AS(function(1, 2), modal::call_error);
}
