// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/function.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>

/// What is called, and what the same costs without modal.
namespace bench_gpu {

/// Launches a kernel that does nothing.
void touch(modal::device_span<const float> values);

/// Reads and writes each number a few times, so that it takes about as long as its copies.
modal::device_vector<float> churn(modal::device_span<const float> values);

/// Has all of its argument before it is uploaded: it may run twice.
std::uint64_t take(modal::device_span<const float> values);

std::int32_t add(std::int32_t a, std::int32_t b);

/// Returns the median time of one `cudaMemcpyAsync` of page-locked memory to the device, waited
/// for.
std::chrono::nanoseconds raw_upload(std::size_t bytes);

/// Returns the median time to launch an empty kernel and to wait for its stream.
std::chrono::nanoseconds raw_launch();

}  // namespace bench_gpu
