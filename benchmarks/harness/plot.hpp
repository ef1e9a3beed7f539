// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bench {

/// One bar of a panel.
struct bar {
  enum class kind : std::uint8_t { floor, ours, other };
  std::string name;
  double value = 0;
  kind what = kind::other;
};

/// What is drawn of one table: its rows by one of its columns.
struct panel {
  std::string title;
  std::string unit;  ///< said behind the title, with which direction is better
  std::vector<bar> bars;
};

/// Returns an SVG picture of them, two in a row, each with a scale of its own that begins at zero.
/// It follows the reader's choice of light or dark.
std::string draw(const std::vector<panel>& panels);

}  // namespace bench
