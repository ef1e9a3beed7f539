// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/error.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

/// @file
/// What we use of the CUDA driver API (CUDA Driver API reference, 13.0), as a table of functions
/// that is filled when the program runs. One binary works with a GPU and without, and is built
/// without NVIDIA's headers: the declarations below are compared with them where they are at hand
/// (tests/compile/cuda).

namespace modal::detail::cuda {

using status = int;  ///< `CUresult`; 0 is success
using device_number = int;
using context_handle = void*;
using stream_handle = void*;
using event_handle = void*;
using pool_handle = void*;
using address = unsigned long long;  ///< `CUdeviceptr`
struct uuid {
  std::array<unsigned char, 16> bytes;
};

// Of `CUresult`.
inline constexpr status success = 0;
inline constexpr status out_of_memory = 2;
inline constexpr status stub_library = 34;
inline constexpr status device_unavailable = 46;
inline constexpr status no_device = 100;
inline constexpr status not_ready = 600;
inline constexpr status illegal_address = 700;
inline constexpr status launch_failed = 719;
inline constexpr status system_driver_mismatch = 803;

// Of `CUdevice_attribute`.
inline constexpr int compute_mode = 20;
inline constexpr int capability_major = 75;
inline constexpr int capability_minor = 76;
inline constexpr int memory_pools_supported = 115;
inline constexpr int host_numa_id = 134;

inline constexpr int mode_prohibited = 2;             ///< of `CUcomputemode`
inline constexpr unsigned portable_memory = 1;        ///< `CU_MEMHOSTALLOC_PORTABLE`
inline constexpr unsigned non_blocking_stream = 1;    ///< `CU_STREAM_NON_BLOCKING`
inline constexpr int pool_release_threshold = 4;      ///< `CU_MEMPOOL_ATTR_RELEASE_THRESHOLD`
inline constexpr int oldest_driver_version = 13'000;  ///< as `driver_version` tells it

/// The driver. A value; its functions may be called from any thread, and act on the context that
/// `set_context` made the thread's, unless they name a device.
struct driver {
  status (*init)(unsigned flags) = nullptr;
  status (*driver_version)(int* version) = nullptr;
  status (*error_name)(status which, const char** name) = nullptr;
  status (*device_count)(int* count) = nullptr;
  status (*get_device)(device_number* found, int ordinal) = nullptr;
  status (*device_name)(char* name, int size, device_number of) = nullptr;
  status (*device_uuid)(uuid* found, device_number of) = nullptr;
  status (*total_memory)(std::size_t* bytes, device_number of) = nullptr;
  status (*attribute)(int* value, int which, device_number of) = nullptr;
  status (*default_pool)(pool_handle* found, device_number of) = nullptr;
  status (*set_pool_attribute)(pool_handle of, int which, void* value) = nullptr;
  status (*trim_pool)(pool_handle which, std::size_t keep) = nullptr;
  status (*retain_context)(context_handle* found, device_number of) = nullptr;
  status (*release_context)(device_number of) = nullptr;
  status (*set_context)(context_handle which) = nullptr;
  status (*create_stream)(stream_handle* made, unsigned flags) = nullptr;
  status (*destroy_stream)(stream_handle which) = nullptr;
  status (*synchronize_stream)(stream_handle which) = nullptr;
  status (*allocate)(address* made, std::size_t bytes, stream_handle on) = nullptr;
  status (*deallocate)(address which, stream_handle on) = nullptr;
  status (*copy_to_device)(address to, const void* from, std::size_t bytes,
                           stream_handle on) = nullptr;
  status (*copy_to_host)(void* to, address from, std::size_t bytes, stream_handle on) = nullptr;
  status (*copy_on_device)(address to, address from, std::size_t bytes, stream_handle on) = nullptr;
  status (*create_event)(event_handle* made, unsigned flags) = nullptr;
  status (*record_event)(event_handle which, stream_handle on) = nullptr;
  status (*query_event)(event_handle which) = nullptr;
  status (*synchronize_event)(event_handle which) = nullptr;
  status (*elapsed_time)(float* milliseconds, event_handle from, event_handle to) = nullptr;
  status (*destroy_event)(event_handle which) = nullptr;
  status (*lock_memory)(void** made, std::size_t bytes, unsigned flags) = nullptr;
  status (*unlock_memory)(void* which) = nullptr;
};

/// Calls `visit(function pointer, name in the library)` for each function of `table`.
template <class Driver, class Visit>
void for_each_function(Driver& table, Visit&& visit) {
  visit(table.init, "cuInit");
  visit(table.driver_version, "cuDriverGetVersion");
  visit(table.error_name, "cuGetErrorName");
  visit(table.device_count, "cuDeviceGetCount");
  visit(table.get_device, "cuDeviceGet");
  visit(table.device_name, "cuDeviceGetName");
  visit(table.device_uuid, "cuDeviceGetUuid");
  visit(table.total_memory, "cuDeviceTotalMem_v2");
  visit(table.attribute, "cuDeviceGetAttribute");
  visit(table.default_pool, "cuDeviceGetDefaultMemPool");
  visit(table.set_pool_attribute, "cuMemPoolSetAttribute");
  visit(table.trim_pool, "cuMemPoolTrimTo");
  visit(table.retain_context, "cuDevicePrimaryCtxRetain");
  visit(table.release_context, "cuDevicePrimaryCtxRelease_v2");
  visit(table.set_context, "cuCtxSetCurrent");
  visit(table.create_stream, "cuStreamCreate");
  visit(table.destroy_stream, "cuStreamDestroy_v2");
  visit(table.synchronize_stream, "cuStreamSynchronize");
  visit(table.allocate, "cuMemAllocAsync");
  visit(table.deallocate, "cuMemFreeAsync");
  visit(table.copy_to_device, "cuMemcpyHtoDAsync_v2");
  visit(table.copy_to_host, "cuMemcpyDtoHAsync_v2");
  visit(table.copy_on_device, "cuMemcpyDtoDAsync_v2");
  visit(table.create_event, "cuEventCreate");
  visit(table.record_event, "cuEventRecord");
  visit(table.query_event, "cuEventQuery");
  visit(table.synchronize_event, "cuEventSynchronize");
  visit(table.elapsed_time, "cuEventElapsedTime");
  visit(table.destroy_event, "cuEventDestroy_v2");
  visit(table.lock_memory, "cuMemHostAlloc");
  visit(table.unlock_memory, "cuMemFreeHost");
}

/// Loads the driver of this machine, which stays loaded. **Errors**: `no_device`, with what to do
/// about it.
result<driver> load_driver();

/// Returns the name of a status, as "CUDA_ERROR_ILLEGAL_ADDRESS (700)".
std::string to_text(const driver& table, status which);

/// Returns whether the context is lost with this error: every later call in it fails too.
bool is_sticky(status which) noexcept;

}  // namespace modal::detail::cuda
