// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

/// @file
/// What calls of the load generator run.

namespace bench_load {

/// Keeps its CPU busy for so long, and returns how many bytes it was given.
std::int64_t work(std::uint32_t microseconds, std::span<const std::byte> bytes);
/// The same, on the thread that has read the call.
std::int64_t work_at_once(std::uint32_t microseconds, std::span<const std::byte> bytes);

}  // namespace bench_load
