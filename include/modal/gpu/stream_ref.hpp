// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/gpu/current_stream.hpp>
#include <modal/gpu/device_error.hpp>

#include <cstddef>

struct CUstream_st;  // CUDA's; a `cudaStream_t` is a pointer to it

namespace modal {

/// The stream of a call, as a function uses it: what it puts there comes behind the upload of its
/// arguments and before the download of its result, and it need not wait for any of it.
///
///     scale<<<blocks, 256, 0, modal::this_stream()>>>(out.data(), in.data(), in.size());
///
/// **Lifetime**: until the function returns. **Thread safety**: one thread at a time.
class stream_ref {
 public:
  explicit stream_ref(gpu::stream& which) noexcept : stream_(&which) {}

  /// Converts to a `cudaStream_t` or `CUstream`; null where the device is the host's.
  operator CUstream_st*() const noexcept {  // NOLINT: as CUDA's own wrappers do
    return static_cast<CUstream_st*>(stream_->native_handle());
  }

  /// Returns whether device memory is the host's, and its code runs on the CPU.
  [[nodiscard]] bool is_host() const noexcept { return stream_->is_host(); }

  /// Copies between device memory, or between it and memory of the host that outlives the call.
  /// **Errors**: throws `device_error`.
  void copy(void* to, const void* from, std::size_t bytes, gpu::copy_kind way) const {
    detail::device_value(stream_->copy(to, from, bytes, way));
  }

 private:
  gpu::stream* stream_;
};

/// Returns the stream of the call that this thread serves; see `gpu::current_stream`.
[[nodiscard]] inline stream_ref this_stream() { return stream_ref(*gpu::current_stream()); }

}  // namespace modal
