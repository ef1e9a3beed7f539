// SPDX-License-Identifier: Apache-2.0
#include <modal/function.hpp>

#include "filters.hpp"

#include <chrono>

using namespace std::chrono_literals;

// Linked into the executor only: the client needs no more than the declarations in filters.hpp.
MODAL_FUNCTION(photos::denoise, .timeout = 120s, .retries = 1,
               .description = "Removes noise by non-local means.")
MODAL_FUNCTION(photos::edges, .timeout = 60s, .retries = 1, .description = "Draws the edges.")
MODAL_FUNCTION(photos::thumbnail, .timeout = 60s, .retries = 1,
               .description = "Shrinks a picture, in linear light.")
