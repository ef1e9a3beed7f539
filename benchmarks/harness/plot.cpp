// SPDX-License-Identifier: Apache-2.0
#include "plot.hpp"

#include "table.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>

namespace bench {
namespace {

// All in pixels.
constexpr int panel_width = 490;
constexpr int label_width = 258;
constexpr int value_width = 52;
constexpr int row_height = 18;
constexpr int head_height = 40;
constexpr int gap = 14;

std::string escape(const std::string& text) {
  std::string safe;
  for (const char each : text) switch (each) {
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '&':
        safe += "&amp;";
        break;
      default:
        safe += each;
    }
  return safe;
}

const char* style_of(bar::kind what) {
  switch (what) {
    case bar::kind::floor:
      return "floor";
    case bar::kind::ours:
      return "ours";
    case bar::kind::other:
      break;
  }
  return "other";
}

std::string in_short(double value) {
  if (value >= 1e4) return three_digits(value / 1e3) + " k";
  return three_digits(value);
}

int height_of(const panel& what) {
  return head_height + row_height * static_cast<int>(what.bars.size());
}

void draw(std::ostream& out, const panel& what, int left, int top) {
  out << "<g transform=\"translate(" << left << ' ' << top
      << ")\">\n<text class=\"title\" y=\"14\">" << escape(what.title)
      << "</text>\n<text class=\"unit\" y=\"30\">" << escape(what.unit) << "</text>\n";
  double most = 0;
  for (const bar& each : what.bars) most = std::max(most, each.value);
  constexpr int room = panel_width - label_width - value_width - gap;
  int y = head_height;
  for (const bar& each : what.bars) {
    const double share = most > 0 && std::isfinite(each.value) ? each.value / most : 0;
    const int width = std::max(1, static_cast<int>(std::lround(share * room)));
    out << "<text x=\"" << label_width - 8 << "\" y=\"" << y + 10 << "\" text-anchor=\"end\">"
        << escape(each.name) << "</text><rect class=\"" << style_of(each.what) << "\" x=\""
        << label_width << "\" y=\"" << y << "\" width=\"" << width << "\" height=\""
        << row_height - 5 << "\"/><text class=\"value\" x=\"" << label_width + width + 5
        << "\" y=\"" << y + 10 << "\">" << in_short(each.value) << "</text>\n";
    y += row_height;
  }
  out << "</g>\n";
}

}  // namespace

std::string draw(const std::vector<panel>& panels) {
  std::ostringstream body;
  int top = gap;
  for (std::size_t i = 0; i < panels.size(); i += 2) {
    const bool has_second = i + 1 < panels.size();
    draw(body, panels[i], gap, top);
    if (has_second) draw(body, panels[i + 1], gap + panel_width, top);
    top += gap + std::max(height_of(panels[i]), has_second ? height_of(panels[i + 1]) : 0);
  }
  std::ostringstream all;
  all << "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" << 2 * panel_width + gap
      << "\" height=\"" << top << "\" viewBox=\"0 0 " << 2 * panel_width + gap << ' ' << top
      << "\" font-family=\"sans-serif\" font-size=\"11\">\n"
      << "<style>text{fill:#24292f}.title{font-size:13px;font-weight:bold}.unit,.value{fill:"
         "#57606a}.floor{fill:#8c959f}.ours{fill:#1a7f37}.other{fill:#54aeff}"
         "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.unit,.value{fill:#9198a1}"
         ".floor{fill:#6e7681}.ours{fill:#3fb950}.other{fill:#388bfd}}</style>\n"
      << body.str() << "</svg>\n";
  return all.str();
}

}  // namespace bench
