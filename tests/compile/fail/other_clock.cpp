// SPDX-License-Identifier: Apache-2.0
// expect: modal: only std::chrono::system_clock has the same time on two machines
#include <modal/function.hpp>

#include <chrono>

#ifdef MODAL_EXPECT_FAILURE
using instant = std::chrono::steady_clock::time_point;
#else
using instant = std::chrono::system_clock::time_point;
#endif

bool is_past(instant when) { return when < instant::clock::now(); }

MODAL_FUNCTION(is_past)
