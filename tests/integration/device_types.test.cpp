// SPDX-License-Identifier: Apache-2.0
// What functions may take from a device and give back: in and out, inside of structs and lists, and
// into memory of the caller's.
#include <modal/asio.hpp>

#include "integration/serving.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <array>
#include <future>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <vector>

namespace device_types {

void scale(modal::device_span<float> values, float by) {
  for (float& each : values) each *= by;
}

int add(modal::device_span<const int> what, modal::device_span<int> to,
        modal::device_span<double> also) {
  if (what.size() != to.size()) throw std::runtime_error("sizes differ");
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += what[i];
  for (double& each : also) each = -each;
  return static_cast<int>(what.size());
}

// Changes what it was given, and fails once.
int fail_after(modal::device_span<int> values) {
  for (int& each : values) each += 1;
  if (modal::this_call().attempt() == 1) throw std::runtime_error("once");
  return values.empty() ? 0 : values[0];
}

struct ends {  // a member that is called as one of ours
  int front = 0;
  int back = 0;
};
int fill(const ends& with, modal::device_span<int> values, const std::string& how) {
  std::fill(values.begin(), values.end(), how == "back" ? with.back : with.front);
  return static_cast<int>(values.size());
}

struct frame {
  modal::device_vector<float> pixels;
  int width = 0;
};

struct request {
  modal::device_span<const float> pixels;
  std::vector<modal::device_vector<int>> lists;
  std::optional<std::string> name;
};

frame make_frame(modal::device_span<const float> from, int width) {
  frame made{.pixels = modal::device_vector<float>(from.size()), .width = width};
  std::copy(from.begin(), from.end(), made.pixels.span().begin());
  return made;
}

// Takes one apart that somebody sends back.
double total(const frame& which) {
  const auto all = which.pixels.span();
  return std::accumulate(all.begin(), all.end(), 0.0) + which.width;
}

std::vector<modal::device_vector<int>> split(modal::device_vector<int> values, std::size_t into) {
  std::vector<modal::device_vector<int>> made;
  for (std::size_t i = 0; i < into; ++i) {
    auto& part = made.emplace_back(values.size() / into + i);
    std::fill(part.span().begin(), part.span().end(), values.span()[i]);
  }
  return made;
}

std::pair<modal::device_vector<int>, std::string> passed_on(modal::device_vector<int> values,
                                                            const std::string& name) {
  return {std::move(values), name};
}

std::size_t count_pinned(modal::pinned_span<const int> values) {
  return static_cast<std::size_t>(std::count(values.begin(), values.end(), 1));
}

modal::device_vector<int> numbers(std::size_t size) {
  modal::device_vector<int> made(size);
  std::iota(made.span().begin(), made.span().end(), 0);
  return made;
}
std::vector<int> host_numbers(std::size_t size) {
  std::vector<int> made(size);
  std::iota(made.begin(), made.end(), 0);
  return made;
}

modal::tensor<float, 2> transposed(modal::tensor_view<const float, 2> from) {
  modal::tensor<float, 2> made({from.extent(1), from.extent(0)});
  const auto to = made.view();
  for (std::size_t i = 0; i < from.extent(0); ++i)
    for (std::size_t j = 0; j < from.extent(1); ++j) to(j, i) = from(i, j);
  return made;
}

// Listed: Clang cannot count the members of a struct that has vectors of what cannot be copied.
struct layers {
  std::vector<modal::tensor<int, 1>> each;
};
MODAL_FIELDS(layers, each)
layers reversed(layers which) {
  std::reverse(which.each.begin(), which.each.end());
  return which;
}

}  // namespace device_types

MODAL_FUNCTION(device_types::scale)
MODAL_FUNCTION(device_types::add)
MODAL_FUNCTION(device_types::fail_after, .retries = 1, .retry_delay = 0ms)
MODAL_FUNCTION(device_types::fill)
MODAL_FUNCTION(device_types::make_frame)
MODAL_FUNCTION(device_types::total)
MODAL_FUNCTION(device_types::split)
MODAL_FUNCTION(device_types::passed_on)
MODAL_FUNCTION(device_types::count_pinned)
MODAL_FUNCTION(device_types::numbers)
MODAL_FUNCTION(device_types::host_numbers)
MODAL_FUNCTION(device_types::transposed)
MODAL_FUNCTION(device_types::reversed)

namespace {

using modal::errc;
using modal::remote;

std::vector<int> ramp(std::size_t size, int first) {
  std::vector<int> made(size);
  std::iota(made.begin(), made.end(), first);
  return made;
}

}  // namespace

TEST_CASE("device types: what is in and out comes back where it was", "[integration][devices]") {
  serving s(quiet_config());
  for (const std::size_t size : {0U, 1U, 1000U, 300'000U}) {
    std::vector<float> values(size, 1.5F);
    remote<device_types::scale>.on(s.client)(values, 2.F);
    CHECK(std::count(values.begin(), values.end(), 3.F) == static_cast<std::ptrdiff_t>(size));

    const auto what = ramp(size, 1);
    auto to = ramp(size, 10);
    std::array<double, 3> also{1, 2, 3};
    CHECK(remote<device_types::add>.on(s.client)(what, std::span<int>(to), also) ==
          static_cast<int>(size));
    for (std::size_t i = 0; i < size; i += 999) CHECK(to[i] == 11 + 2 * static_cast<int>(i));
    CHECK(also == std::array<double, 3>{-1, -2, -3});
  }
  CHECK(remote<device_types::add>.signature().text == "([i32], inout [i32], inout [f64]) -> i32");
}

TEST_CASE("device types: arguments of every kind stand beside each other",
          "[integration][devices]") {
  serving s(quiet_config());
  const char* const how = "back";
  std::vector<int> values(3);
  CHECK(remote<device_types::fill>.on(s.client)(device_types::ends{1, 7}, values, how) == 3);
  CHECK(values == std::vector<int>(3, 7));
  // A view of memory that could be written is one of memory that is read.
  std::vector<float> four{1, 2, 3, 4};
  const modal::tensor_view<float, 2> mine(four.data(), {1, 4});
  CHECK(remote<device_types::transposed>.on(s.client)(mine).extent(0) == 4);
  CHECK(modal::make_descriptor<device_types::scale>().sends_to_device_only);
  CHECK_FALSE(modal::make_descriptor<device_types::count_pinned>().sends_to_device_only);
  CHECK_FALSE(modal::make_descriptor<device_types::fill>().sends_to_device_only);
}

TEST_CASE("device types: after an error what is in and out is as it was",
          "[integration][devices]") {
  serving s(quiet_config());
  auto to = ramp(10, 0);
  std::vector<double> also{1, 2};
  const auto failed = remote<device_types::add>.on(s.client).try_call(ramp(3, 0), to, also);
  REQUIRE(failed.has_error());
  CHECK(failed.error() == errc::function_failed);
  CHECK(to == ramp(10, 0));
  CHECK(also == std::vector<double>{1, 2});
  // A run that is repeated begins with what was sent.
  CHECK(remote<device_types::fail_after>.on(s.client)(to) == 1);
  CHECK(to == ramp(10, 1));
}

TEST_CASE("device types: calls that are not waited for bring back a tuple",
          "[integration][devices]") {
  serving s(quiet_config());
  const auto add = remote<device_types::add>.on(s.client);
  const auto [sum, to, also] = add.spawn(ramp(3, 0), ramp(3, 0), std::vector<double>{4}).get();
  CHECK(sum == 3);
  CHECK(to == std::vector<int>{0, 2, 4});
  CHECK(also == std::vector<double>{-4});
  std::promise<std::vector<float>> told;
  modal::async(remote<device_types::scale>.on(s.client), std::vector<float>{1, 2}, 3.F,
               [&told](modal::result<std::tuple<std::vector<float>>> answer) {
                 told.set_value(std::get<0>(std::move(answer).value()));
               });
  const auto scaled = told.get_future().get();
  CHECK(scaled == std::vector<float>{3, 6});
}

TEST_CASE("device types: in JSON the result and what is in and out are a list",
          "[integration][devices]") {
  auto config = quiet_config();
  config.address.clear();
  modal::executor mounted{config};
  mounted.start();
  const auto call = [&](const std::string& name, const std::string& body) {
    const auto answer = mounted.handle({.method = "POST",
                                        .target = "/v1/functions/device_types::" + name + "/call",
                                        .headers = {{"content-type", "application/json"}},
                                        .body = R"({"args":)" + body + "}"});
    return answer.body.substr(0, answer.body.find(R"(,"report")"));
  };
  CHECK(call("scale", "[[1,2,3],2]") == R"({"result":[[2,4,6]])");
  CHECK(call("add", "[[1],[2],[3,4]]") == R"({"result":[1,[3],[-3,-4]])");
  CHECK(call("make_frame", "[[1,2],7]") == R"({"result":{"pixels":[1,2],"width":7})");
  CHECK(call("total", R"([{"pixels":[1,2],"width":7}])") == R"({"result":10)");
  CHECK(call("split", "[[1,2,3,4],2]") == R"({"result":[[1,1],[2,2,2]])");
  CHECK(call("count_pinned", "[[1,2,1]]") == R"({"result":2)");
}

TEST_CASE("device types: structs have device memory inside", "[integration][devices]") {
  serving s(quiet_config());
  for (const std::size_t size : {0U, 10U, 200'000U}) {
    const std::vector<float> pixels(size, 0.5F);
    const device_types::frame made = remote<device_types::make_frame>.on(s.client)(pixels, 8);
    CHECK(made.width == 8);
    CHECK(made.pixels.size() == size);
    const auto all = made.pixels.span();
    CHECK(std::equal(all.begin(), all.end(), pixels.begin(), pixels.end()));
    CHECK(remote<device_types::total>.on(s.client)(made) == 0.5 * static_cast<double>(size) + 8);
  }
}

TEST_CASE("device types: lists of vectors, each of its own size", "[integration][devices]") {
  serving s(quiet_config());
  const std::vector<std::vector<int>> parts =
      remote<device_types::split>.on(s.client)(ramp(90'000, 0), 3U);
  REQUIRE(parts.size() == 3);
  for (std::size_t i = 0; i < 3; ++i)
    CHECK(parts[i] == std::vector<int>(30'000 + i, static_cast<int>(i)));
  const auto [values, name] = remote<device_types::passed_on>.on(s.client)(ramp(50'000, 3), "x");
  CHECK(values == ramp(50'000, 3));
  CHECK(name == "x");
  std::vector<int> ones(40'000, 1);
  CHECK(remote<device_types::count_pinned>.on(s.client)(ones) == 40'000);
  CHECK(remote<device_types::count_pinned>(ones) == 40'000);
}

TEST_CASE("device types: a result lands in the caller's memory", "[integration][devices]") {
  serving s(quiet_config());
  std::vector<int> mine(50'000, -1);
  const auto on_device = remote<device_types::numbers>.on(s.client);
  const std::span<int> got = on_device.into(mine)(40'000U);
  CHECK(got.data() == mine.data());
  CHECK(got.size() == 40'000);
  CHECK(std::equal(got.begin(), got.end(), ramp(40'000, 0).begin()));
  CHECK(mine[40'000] == -1);
  std::vector<int> small(3, -1);
  const auto refused = on_device.into(small).try_call(4U);
  REQUIRE(refused.has_error());
  CHECK(refused.error() == errc::result_too_large);
  CHECK_THAT(refused.error().message(), test::contains("4 elements, and there is room for 3"));
  CHECK(small == std::vector<int>(3, -1));
  CHECK(remote<device_types::host_numbers>.on(s.client).into(std::span<int>(small))(3U).size() ==
        3);
  CHECK(small == std::vector<int>{0, 1, 2});
  CHECK(on_device.into({})(0U).empty());
}

TEST_CASE("device types: tensors keep their shape", "[integration][devices]") {
  serving s(quiet_config());
  const auto transposed = remote<device_types::transposed>.on(s.client);
  CHECK(transposed.signature().text == "(tensor<f32, 2>) -> tensor<f32, 2>");
  for (const std::size_t width : {0U, 3U, 2000U}) {
    std::vector<float> values(100 * width);
    std::iota(values.begin(), values.end(), 0.F);
    const modal::tensor_view<const float, 2> mine(values.data(), {100, width});
    const modal::tensor<float, 2> turned = transposed(mine);
    REQUIRE(turned.shape() == std::array<std::size_t, 2>{width, 100});
    if (width != 0) CHECK(turned.view()(2, 99) == mine(99, 2));
    // What was received can be sent, and so can any strides.
    const auto back = transposed(turned);
    CHECK(std::equal(values.begin(), values.end(), back.data()));
    const modal::tensor_view<const float, 2> sideways(values.data(), {width, 100},
                                                      {1, static_cast<std::ptrdiff_t>(width)});
    CHECK(std::equal(values.begin(), values.end(), transposed(sideways).data()));
  }
  device_types::layers some;
  for (const std::size_t size : {1U, 5000U})
    some.each.emplace_back(std::array<std::size_t, 1>{size});
  some.each[1].data()[4999] = 6;
  const auto turned = remote<device_types::reversed>.on(s.client)(some);
  REQUIRE(turned.each.size() == 2);
  CHECK(turned.each[0].view()(4999) == 6);
  CHECK(turned.each[1].size() == 1);
}
