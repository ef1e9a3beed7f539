// SPDX-License-Identifier: Apache-2.0
#include "functions.hpp"

#include <modal/function.hpp>

#include <cctype>

namespace interop {

int add(int a, int b) { return a + b; }

std::vector<float> scale(std::span<const float> values, float factor) {
  std::vector<float> out(values.begin(), values.end());
  for (float& each : out) each *= factor;
  return out;
}

std::string shout(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

colour next_colour(colour now, mode how) {
  if (how == mode::exact) return now;
  return now == colour::red ? colour::green : colour::blue;
}

record annotate(record value, const std::map<std::string, std::int64_t>& notes) {
  for (const auto& [key, number] : notes) value.tables[key].push_back(static_cast<float>(number));
  value.name += " annotated";
  return value;
}

std::vector<point> mirror(std::span<const point> points) {
  std::vector<point> out;
  out.reserve(points.size());
  for (const point& each : points) out.push_back({-each.x, each.y});
  return out;
}

std::pair<range, extent> measure(const range& along, const extent& size) {
  return {{along.begin, along.end + 1}, {size.height, size.width}};
}

std::tuple<std::set<std::string>, std::unordered_map<int, std::string>, std::array<std::uint8_t, 4>>
collect(const std::vector<std::string>& words) {
  std::unordered_map<int, std::string> numbered;
  for (const auto& word : words) numbered.emplace(static_cast<int>(numbered.size()), word);
  return {{words.begin(), words.end()}, std::move(numbered), {1, 2, 3, 255}};
}

std::chrono::nanoseconds double_it(std::chrono::microseconds length) { return 2 * length; }

void nothing(std::monostate) {}

}  // namespace interop

MODAL_FUNCTION(interop::add)
MODAL_FUNCTION(interop::scale)
MODAL_FUNCTION(interop::shout)
MODAL_FUNCTION(interop::next_colour)
MODAL_FUNCTION(interop::annotate)
MODAL_FUNCTION(interop::mirror)
MODAL_FUNCTION(interop::measure)
MODAL_FUNCTION(interop::collect)
MODAL_FUNCTION(interop::double_it)
MODAL_FUNCTION(interop::nothing)
