// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/gpu/current_stream.hpp>
#include <modal/gpu/device_error.hpp>

#include <cstddef>
#include <memory>
#include <utility>

namespace modal {

/// Device memory in the order of a stream, for libraries that ask for some of their own: what is
/// given back may still be used by what is in the stream already. An allocator of bytes, as Thrust
/// takes it for its temporary memory; a wrapper of two lines makes a resource of rmm or CUB of it.
///
///     auto memory = modal::this_call().memory();
///     thrust::sort(thrust::cuda::par(memory).on(modal::this_stream()), begin, end);
///
/// **Lifetime**: any. **Thread safety**: one thread at a time uses all copies of it.
class stream_memory {
 public:
  using value_type = char;

  /// On the stream of the call that this thread serves, or on another one.
  explicit stream_memory(std::shared_ptr<gpu::stream> on = gpu::current_stream()) noexcept
      : stream_(std::move(on)) {}

  /// Returns `bytes` of device memory, aligned to 256 bytes; null for none. **Errors**: throws
  /// `device_error` with `device_out_of_memory` or `device_fault`.
  [[nodiscard]] char* allocate(std::size_t bytes) {
    return static_cast<char*>(detail::device_value(stream_->allocate(bytes)));
  }
  /// @param bytes as they were asked for.
  void deallocate(char* memory, std::size_t bytes) noexcept { stream_->deallocate(memory, bytes); }

  friend bool operator==(const stream_memory& a, const stream_memory& b) noexcept {
    return a.stream_ == b.stream_;
  }

 private:
  std::shared_ptr<gpu::stream> stream_;
};

}  // namespace modal
