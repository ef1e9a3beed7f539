// SPDX-License-Identifier: Apache-2.0
#include "greetings.hpp"

#include <modal/function.hpp>

namespace greetings {
std::string hello(std::string_view name) { return "hello, " + std::string(name); }
}  // namespace greetings

MODAL_FUNCTION(greetings::hello, .timeout = 30s)
