// SPDX-License-Identifier: Apache-2.0
// What caller and server share: plain C++, nothing of modal in it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hello {

struct summary {
  double mean;
  double largest;
};

int add(int a, int b);
std::string greet(std::string_view name);
summary summarize(std::span<const double> values);

}  // namespace hello
