// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/gpu/device_span.hpp>
#include <modal/gpu/device_vector.hpp>

#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace cuda_test {

enum class mode : unsigned char { fast, exact };

struct settings {
  float factor;
  mode how;
  std::optional<std::string> note;
  std::map<std::string, std::vector<double>> tables;
  std::variant<int, std::string> tag;
};

std::vector<float> scale(std::span<const float> values, const settings& how);
modal::device_vector<float> scale_there(modal::device_span<const float> values, float factor);

}  // namespace cuda_test
