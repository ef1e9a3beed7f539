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
