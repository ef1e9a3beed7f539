// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/wire/declare.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

// One function for each kind of type whose name or layout compilers could see differently.
namespace interop {

enum class colour : std::uint16_t { red = 1, green = 2, blue = 300 };

// Listed by name.
enum class mode { fast, exact };
MODAL_ENUM(mode, fast, exact)

// A plain aggregate, in bulk.
struct point {
  double x;
  double y;
};

// A plain aggregate of everything.
struct record {
  std::string name;
  colour paint;
  mode how;
  std::vector<point> outline;
  std::map<std::string, std::vector<float>> tables;
  std::optional<std::int64_t> limit;
  std::variant<bool, std::string, point> tag;
  std::chrono::milliseconds age;
};

// With a cereal function.
struct range {
  int begin = 0;
  int end = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(cereal::make_nvp("begin", begin), cereal::make_nvp("end", end));
  }
};

// With named fields.
struct extent {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
};
MODAL_FIELDS(extent, width, height)

int add(int a, int b);
std::vector<float> scale(std::span<const float> values, float factor);
std::string shout(std::string_view text);
colour next_colour(colour now, mode how);
record annotate(record value, const std::map<std::string, std::int64_t>& notes);
std::vector<point> mirror(std::span<const point> points);
std::pair<range, extent> measure(const range& along, const extent& size);
std::tuple<std::set<std::string>, std::unordered_map<int, std::string>, std::array<std::uint8_t, 4>>
collect(const std::vector<std::string>& words);
std::chrono::nanoseconds double_it(std::chrono::microseconds length);
void nothing(std::monostate none);

}  // namespace interop
