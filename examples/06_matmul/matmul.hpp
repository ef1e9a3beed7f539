// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/function.hpp>

#include <string>

namespace linear {

/// A struct may have device memory inside.
struct product {
  modal::tensor<float, 2> values;
  std::string by;  ///< what computed it
};

/// Returns a × b. **Errors**: `std::invalid_argument` where their shapes do not fit.
product matmul(modal::tensor_view<const float, 2> a, modal::tensor_view<const float, 2> b);

}  // namespace linear
