// SPDX-License-Identifier: Apache-2.0
#include <modal/wire/declare.hpp>
#include <modal/wire/elsewhere.hpp>
#include <modal/wire/make_schema.hpp>

#include "support/catch.hpp"
#include "support/wire.hpp"

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <tuple>
#include <variant>
#include <vector>

namespace {

// An array that says that its elements are elsewhere.
template <class T>
struct far_array {
  using value_type = T;
  void refer_to_host(std::span<const T> elements) noexcept { here = elements; }
  [[nodiscard]] std::span<const T> host_elements() const noexcept { return here; }
  std::span<const T> here;
};

struct frame {
  far_array<float> pixels;
  int width;
};
struct film {
  std::vector<frame> frames;
  std::optional<far_array<int>> sound;
};
struct tree {  // holds its own kind
  int value;
  std::vector<tree> children;
};
struct far_tree {
  std::vector<far_tree> children;
  far_array<int> values;
};
struct listed {
  far_array<int> values;
  int count = 0;
};
MODAL_FIELDS(listed, values, count)

// A tensor of the sender's or the receiver's.
template <class T, std::size_t Rank>
struct far_tensor {
  using value_type = T;
  using shape_type = std::array<std::size_t, Rank>;
  static constexpr std::size_t rank = Rank;
  void refer_to_host(std::span<const T> elements, const shape_type& shape) noexcept {
    here = elements;
    extents = shape;
  }
  [[nodiscard]] std::span<const T> host_elements() const noexcept { return here; }
  [[nodiscard]] bool is_dense() const noexcept { return steps[0] == 0; }
  [[nodiscard]] const shape_type& shape() const noexcept { return extents; }
  [[nodiscard]] const std::array<std::ptrdiff_t, Rank>& strides() const noexcept { return steps; }
  [[nodiscard]] const T* data() const noexcept { return here.data(); }
  [[nodiscard]] std::size_t size() const noexcept { return here.size(); }

  std::span<const T> here;
  shape_type extents{};
  std::array<std::ptrdiff_t, Rank> steps{};
};
static_assert(modal::detail::category_of<far_tensor<int, 2>> == modal::detail::category::tensor);
static_assert(modal::detail::holds_elsewhere<std::vector<far_tensor<int, 2>>>);

template <std::size_t Rank>
std::string refusal(const std::array<std::uint64_t, Rank>& shape, const std::vector<int>& values) {
  const auto bytes = test::encode(shape, values);
  const modal::decode_limits bounds;
  const auto view = modal::payload_view::parse(bytes, bounds).value();
  modal::input_archive archive(view, bounds);
  far_tensor<int, Rank> read;
  try {
    archive(read);
    archive.finish();
  } catch (const modal::call_error& thrown) {
    return thrown.what();
  }
  return "";
}

using modal::detail::category;
using modal::detail::category_of;
using modal::detail::holds_elsewhere;
using modal::detail::visit_elsewhere;

static_assert(category_of<far_array<int>> == category::elsewhere);
static_assert(holds_elsewhere<far_array<int>>);
static_assert(holds_elsewhere<frame>);
static_assert(holds_elsewhere<film>);
static_assert(holds_elsewhere<far_tree>);
static_assert(holds_elsewhere<listed>);
static_assert(holds_elsewhere<std::tuple<int, std::unique_ptr<frame>>>);
static_assert(holds_elsewhere<std::variant<int, std::map<int, frame>>>);
static_assert(!holds_elsewhere<tree>);
static_assert(!holds_elsewhere<int>);
static_assert(!holds_elsewhere<std::vector<std::string>>);
static_assert(!modal::detail::is_bitwise<far_array<int>>);

template <class T>
std::vector<std::size_t> sizes(T& value) {
  std::vector<std::size_t> found;
  visit_elsewhere(value, [&found](auto& each) { found.push_back(each.here.size()); });
  return found;
}

const std::vector<float> floats(3, 1.5F);
const std::vector<int> ints(5, 7);

}  // namespace

TEST_CASE("elsewhere: arrays are found wherever they are", "[wire][elsewhere]") {
  film one{.frames = {{{floats}, 1}, {{}, 2}}, .sound = far_array<int>{ints}};
  CHECK(sizes(one) == std::vector<std::size_t>{3, 0, 5});
  one.sound.reset();
  CHECK(sizes(one) == std::vector<std::size_t>{3, 0});
  far_tree root{.children = {{.children = {}, .values = {ints}}}, .values = {}};
  CHECK(sizes(root) == std::vector<std::size_t>{5, 0});
  std::tuple<int, std::variant<int, listed>> both{1, listed{.values = {ints}, .count = 1}};
  CHECK(sizes(both) == std::vector<std::size_t>{5});
  std::get<1>(both) = 4;
  CHECK(sizes(both).empty());
  std::array<std::map<int, frame>, 2> maps;
  maps[1].emplace(1, frame{{floats}, 2});
  CHECK(sizes(maps) == std::vector<std::size_t>{3});
  auto held = std::make_unique<frame>(frame{{floats}, 2});
  CHECK(sizes(held) == std::vector<std::size_t>{3});
  tree none{1, {}};
  visit_elsewhere(none, [](auto&) { FAIL_CHECK("there is none"); });
}

TEST_CASE("elsewhere: is a list for whoever sends and receives it", "[wire][elsewhere]") {
  CHECK(to_text(modal::detail::make_schema<far_array<float>>()) == "[f32]");
  CHECK(to_text(modal::detail::make_schema<far_array<std::byte>>()) == "bytes");
  CHECK(test::encode(far_array<int>{ints}) == test::encode(ints));
  const std::vector<int> many(5000, 3);  // a segment
  CHECK(test::encode(far_array<int>{many}) == test::encode(many));

  const auto bytes = test::encode(many, std::vector<frame>(2));
  const modal::decode_limits bounds;
  const auto view = modal::payload_view::parse(bytes, bounds).value();
  far_array<int> read;
  std::vector<frame> frames;
  modal::input_archive archive(view, bounds);
  archive(read, frames);
  archive.finish();
  CHECK(std::equal(read.here.begin(), read.here.end(), many.begin(), many.end()));
  CHECK(frames.size() == 2);
}

TEST_CASE("elsewhere: is an array in JSON", "[wire][elsewhere]") {
  std::string text;
  modal::json_writer writer(text);
  modal::json_output_archive{writer}(frame{{floats}, 4});
  CHECK(text == R"({"pixels":[1.5,1.5,1.5],"width":4})");
  const modal::json_document document("[" + text + "]", {});
  modal::json_arena arena;
  frame read{};
  modal::json_input_archive(modal::json_view(document), arena)(read);
  CHECK(std::equal(read.pixels.here.begin(), read.pixels.here.end(), floats.begin(), floats.end()));
  CHECK(read.width == 4);
}

TEST_CASE("elsewhere: a tensor is its extents and its elements", "[wire][elsewhere]") {
  using pairs = far_tensor<int, 2>;
  const std::vector<int> six{1, 2, 3, 4, 5, 6};
  const pairs dense{.here = six, .extents = {2, 3}, .steps = {}};
  const auto expected = test::encode(std::array<std::uint64_t, 2>{2, 3}, six);
  CHECK(test::encode(dense) == expected);
  // By columns, and from the end.
  const std::vector<int> turned{1, 4, 2, 5, 3, 6};
  CHECK(test::encode(pairs{.here = turned, .extents = {2, 3}, .steps = {1, 2}}) == expected);
  CHECK(to_text(modal::detail::make_schema<pairs>()) == "tensor<i32, 2>");

  CHECK(refusal<2>({2, 3}, six).empty());
  CHECK(refusal<2>({0, 1000}, {}).empty());
  CHECK_THAT(refusal<2>({0, SIZE_MAX}, {}), test::contains("decode_limits.elements"));
  CHECK_THAT(refusal<2>({UINT64_C(1) << 62, 0}, {}), test::contains("decode_limits.elements"));
  CHECK_THAT(refusal<2>({SIZE_MAX, 6}, six), test::contains("decode_limits.elements"));
  CHECK_THAT(refusal<2>({UINT64_C(1) << 63, 2}, six), test::contains("decode_limits.elements"));
  for (const std::array<std::uint64_t, 2> wrong :
       {std::array<std::uint64_t, 2>{2, 2}, {3, 3}, {0, 6}, {1, 7}, {4, 4}}) {
    INFO(wrong[0] << " times " << wrong[1]);
    CHECK_THAT(refusal<2>(wrong, six), test::contains("as many elements as its shape says"));
  }
  CHECK_THAT(refusal<3>({1, 1, 1}, {}), test::contains("as many elements as its shape says"));
}

TEST_CASE("elsewhere: a tensor is an object in JSON", "[wire][elsewhere]") {
  const std::vector<int> six{1, 2, 3, 4, 5, 6};
  std::string text;
  modal::json_writer writer(text);
  modal::json_output_archive{writer}(
      far_tensor<int, 2>{.here = six, .extents = {3, 2}, .steps = {}});
  CHECK(text == R"({"shape":[3,2],"data":[1,2,3,4,5,6]})");
  const auto read = [](const std::string& from) {
    const modal::json_document document("[" + from + "]", {});
    modal::json_arena arena;
    far_tensor<int, 2> made;
    try {
      modal::json_input_archive(modal::json_view(document), arena)(made);
    } catch (const modal::call_error& thrown) {
      return std::string(thrown.what());
    }
    return std::to_string(made.extents[0]) + " " + std::to_string(made.here.size());
  };
  CHECK(read(text) == "3 6");
  CHECK_THAT(read(R"({"shape":[3,3],"data":[1,2,3,4,5,6]})"), test::contains("as its shape says"));
  CHECK_THAT(read(R"({"shape":[3],"data":[1,2,3]})"), test::contains("shape"));
  CHECK_THAT(read(R"({"shape":[1,1],"data":[1],"x":1})"), test::contains("expected only"));
  CHECK_THAT(read("[[1,2],[3,4]]"), test::contains("object"));
  CHECK_THAT(read(R"({"shape":[4611686018427387904,0],"data":[]})"),
             test::contains("decode_limits.elements"));
}

TEST_CASE("elsewhere: many small arrays are not more than a reader has room for",
          "[wire][elsewhere]") {
  const std::vector<std::vector<std::uint8_t>> many(1'000'000, std::vector<std::uint8_t>{1});
  const auto bytes = test::encode(many);
  modal::decode_limits bounds;
  const auto refusal = [&] {
    const auto view = modal::payload_view::parse(bytes, bounds).value();
    modal::input_archive archive(view, bounds);
    std::vector<far_array<std::uint8_t>> read;
    try {
      archive(read);
    } catch (const modal::call_error& thrown) {
      return std::string(thrown.what());
    }
    return std::string();
  };
  CHECK_THAT(refusal(), test::contains("decode_limits"));
  bounds.containers = 100;
  CHECK_THAT(refusal(), test::contains("more containers"));
}
