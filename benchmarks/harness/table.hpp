// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace bench {

/// A Markdown table whose columns line up in a terminal too.
class table {
 public:
  explicit table(std::vector<std::string> head) : rows_{std::move(head)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  friend std::ostream& operator<<(std::ostream& out, const table& value);

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// Returns `value` with three significant digits; "-" where it is not a number.
std::string three_digits(double value);

/// Returns `value` with two decimals, or as a power of ten from a thousand on; "-" where it is not
/// a number.
std::string two_decimals(double value);

}  // namespace bench
