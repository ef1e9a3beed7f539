// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/modal.hpp>

#include <vector>

/// @file
/// Functions that executors played by tests serve, and clients that call them on sessions.

namespace framed {

int twice(int value);
int total(const std::vector<float>& values);
std::vector<int> many(int count);

}  // namespace framed

namespace test {

inline constexpr auto twice = modal::remote<framed::twice>;
inline constexpr auto total = modal::remote<framed::total>;
inline constexpr auto many = modal::remote<framed::many>;
inline const modal::client_config with_session{.session = true};

}  // namespace test
