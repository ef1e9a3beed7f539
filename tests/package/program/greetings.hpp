// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace greetings {
std::string hello(std::string_view name);
}  // namespace greetings
