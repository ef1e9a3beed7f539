// SPDX-License-Identifier: Apache-2.0
// Where the functions live: one line of modal for each.
#include "hello.hpp"

#include <modal/function.hpp>

#include <algorithm>
#include <numeric>
#include <stdexcept>

namespace hello {

int add(int a, int b) { return a + b; }

std::string greet(std::string_view name) { return "Hello, " + std::string(name) + "!"; }

summary summarize(std::span<const double> values) {
  if (values.empty()) throw std::invalid_argument("nothing to summarize");
  const double sum = std::accumulate(values.begin(), values.end(), 0.0);
  return {sum / static_cast<double>(values.size()),
          *std::max_element(values.begin(), values.end())};
}

}  // namespace hello

MODAL_FUNCTION(hello::add, .description = "Adds two numbers")
MODAL_FUNCTION(hello::greet)
MODAL_FUNCTION(hello::summarize, .timeout = 10s)
