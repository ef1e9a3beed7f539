// SPDX-License-Identifier: Apache-2.0
#include "report_table.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>

namespace photos {
namespace {

constexpr std::size_t columns = 7;
constexpr std::size_t text_columns = 3;  // aligned left; the rest are numbers, aligned right
using line = std::array<std::string, columns>;

std::string milliseconds(std::chrono::nanoseconds time) {
  char text[48];
  std::snprintf(text, sizeof text, "%.1f", static_cast<double>(time.count()) / 1e6);
  return text;
}

line to_line(const report_row& row) {
  return {row.photo,
          row.function,
          row.device,
          milliseconds(row.queue),
          milliseconds(row.run),
          milliseconds(row.transfer),
          milliseconds(row.total)};
}

report_row sum_of(const std::vector<report_row>& rows) {
  report_row sum{"all", std::to_string(rows.size()) + " calls", ""};
  for (const report_row& row : rows) {
    sum.queue += row.queue;
    sum.run += row.run;
    sum.transfer += row.transfer;
    sum.total += row.total;
  }
  return sum;
}

}  // namespace

std::string render_table(const std::vector<report_row>& rows) {
  std::vector<line> lines{
      {"photo", "function", "device", "queue ms", "run ms", "transfer ms", "total ms"}};
  for (const report_row& row : rows) lines.push_back(to_line(row));
  lines.push_back(to_line(sum_of(rows)));

  std::array<std::size_t, columns> widths{};
  for (const line& cells : lines) {
    for (std::size_t i = 0; i < columns; ++i) widths[i] = std::max(widths[i], cells[i].size());
  }

  std::string rule;
  for (std::size_t i = 0; i < columns; ++i) {
    rule.append(i == 0 ? 0 : 2, ' ').append(widths[i], '-');
  }
  std::string out;
  for (const line& cells : lines) {
    if (&cells == &lines.back()) out.append(rule).append("\n");
    for (std::size_t i = 0; i < columns; ++i) {
      const std::string padding(widths[i] - cells[i].size(), ' ');
      out.append(i == 0 ? 0 : 2, ' ');
      out.append(i < text_columns ? cells[i] + padding : padding + cells[i]);
    }
    out.append("\n");
    if (&cells == &lines.front()) out.append(rule).append("\n");
  }
  return out;
}

}  // namespace photos
