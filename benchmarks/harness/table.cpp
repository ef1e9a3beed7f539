// SPDX-License-Identifier: Apache-2.0
#include "table.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace bench {
namespace {

std::string print(const char* format, int count, double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), format, count, value);
  return text.data();
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const table& value) {
  std::vector<std::size_t> widths(value.rows_.front().size());
  for (const auto& row : value.rows_)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());

  const auto line = [&](const std::vector<std::string>& row) {
    out << '|';
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string pad(widths[i] - row[i].size(), ' ');
      out << ' ' << (i == 0 ? row[i] + pad : pad + row[i]) << " |";
    }
    out << '\n';
  };
  line(value.rows_.front());
  out << '|';
  for (std::size_t i = 0; i < widths.size(); ++i)
    out << ' ' << std::string(widths[i] - (i == 0 ? 0 : 1), '-') << (i == 0 ? " |" : ": |");
  out << '\n';
  for (std::size_t i = 1; i < value.rows_.size(); ++i) line(value.rows_[i]);
  return out;
}

std::string three_digits(double value) {
  if (!std::isfinite(value)) return "-";
  const double size = std::abs(value);
  if (size == 0) return "0";
  return print("%.*f", std::clamp(2 - static_cast<int>(std::floor(std::log10(size))), 0, 6), value);
}

std::string two_decimals(double value) {
  if (!std::isfinite(value)) return "-";
  return print(std::abs(value) < 1000 ? "%.*f" : "%.*e", value < 1000 ? 2 : 1, value);
}

}  // namespace bench
