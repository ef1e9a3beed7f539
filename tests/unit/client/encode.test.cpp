// SPDX-License-Identifier: Apache-2.0
#include <modal/client/encode.hpp>

#include "support/catch.hpp"
#include "support/noting_stream.hpp"

#include <cstring>
#include <deque>

using namespace modal;

namespace {

template <class Held, class A>
std::vector<std::byte> encoded(const A& argument) {
  payload out;
  detail::encode_argument<Held>(out, argument);
  return out.to_bytes();
}

}  // namespace

TEST_CASE("encode: writes convertible arguments as the parameter's type", "[client][encode]") {
  CHECK(encoded<double>(3) == encoded<double>(3.0));
  CHECK(encoded<std::string>("text") == encoded<std::string>(std::string("text")));
  CHECK(encoded<std::string_view>(std::string("text")) == encoded<std::string>("text"));
  CHECK(encoded<std::optional<int>>(3) == encoded<std::optional<int>>(std::optional<int>(3)));
}

TEST_CASE("encode: writes every contiguous range alike", "[client][encode]") {
  const std::vector<float> values{1, 2, 3};
  const std::array<float, 3> same{1, 2, 3};
  CHECK(encoded<std::span<const float>>(values) == encoded<std::vector<float>>(values));
  CHECK(encoded<std::vector<float>>(std::span<const float>(values)) ==
        encoded<std::span<const float>>(same));
}

TEST_CASE("encode: converts between containers only where it must", "[client][encode]") {
  payload out;
  detail::encode_argument<std::deque<int>>(out, std::deque<int>(5000, 7));
  CHECK(out.segments().empty());
  CHECK(detail::is_same_range<std::deque<int>, std::vector<int>>());
  CHECK(!detail::is_same_range<std::vector<int>, std::deque<int>>());
  CHECK(!detail::is_same_range<std::deque<bool>, std::vector<bool>>());
  CHECK(detail::is_same_range<std::vector<int>, std::array<int, 3>>());
}

TEST_CASE("encode: borrows large arrays from where they lie", "[client][encode]") {
  const std::vector<float> values(4096, 1.0F);
  payload out;
  detail::encode_argument<std::span<const float>>(out, values);
  REQUIRE(out.segments().size() == 1);
  CHECK(static_cast<const void*>(out.segments().front().data()) == values.data());
}

TEST_CASE("encode: keeps what it had to convert", "[client][encode]") {
  payload out;
  detail::encode_argument<std::vector<std::string>>(
      out, std::initializer_list<std::string>{std::string(5000, 'x')});
  REQUIRE(out.segments().size() == 1);
  CHECK(std::to_integer<char>(out.segments().front()[4999]) == 'x');
}

TEST_CASE("encode: reads back results and refuses broken ones", "[client][encode]") {
  payload out;
  output_archive{out}(std::string("fine"));
  auto bytes = out.to_bytes();
  buffer_pool pool;
  const auto arrived = [&](std::size_t size) {
    buffer body = pool.take(size);
    std::memcpy(body.data(), bytes.data(), size);
    return body;
  };
  CHECK(detail::decode_result<std::string>(arrived(bytes.size()), {}).value() == "fine");
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK(detail::decode_result<std::string>(arrived(size), {}).error() == errc::bad_response);
  CHECK(detail::decode_result<void>(arrived(bytes.size()), {}).error() == errc::bad_response);
}

TEST_CASE("encode: a tensor on a GPU is refused where it cannot be read", "[client][encode]") {
  const auto stream = std::make_shared<test::noting_stream>();
  const modal::tensor<float, 2> there({2, 3}, stream);
  using sent = modal::tensor_view<const float, 2>;
  modal::payload out;
  modal::detail::encode_argument<sent>(out, there);
  CHECK(out.envelope_size() == 16 + 8 + 24);
  stream->is_gpu = true;
  CHECK_THROWS_AS(modal::detail::encode_argument<sent>(out, there), modal::device_error);
}
