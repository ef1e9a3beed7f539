// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/function.hpp>

namespace pipeline {

/// Returns for each row of `scores` the probabilities that they stand for.
modal::tensor<float, 2> softmax(modal::tensor<float, 2> scores);

}  // namespace pipeline
