// SPDX-License-Identifier: Apache-2.0
// What we declare of the driver is what NVIDIA's header declares.
#include "device/cuda/driver.hpp"

#include <cuda.h>

#include <type_traits>

namespace {

using modal::detail::cuda::driver;
namespace ours = modal::detail::cuda;

// Handles are pointers to nothing in particular here; enumerations are their integers.
template <class A, class B>
inline constexpr bool is_same_argument =
    sizeof(A) == sizeof(B) && std::is_pointer_v<A> == std::is_pointer_v<B> &&
    (std::is_integral_v<A> || std::is_enum_v<A>) == (std::is_integral_v<B> || std::is_enum_v<B>);

template <class Ours, class Theirs>
inline constexpr bool is_same_function = false;
template <class... A, class... B>
requires(sizeof...(A) == sizeof...(B)) inline constexpr bool is_same_function<
    ours::status (*)(A...), CUresult (*)(B...)> = (is_same_argument<A, B> && ...);

#define CHECK_FUNCTION(name, theirs) \
  static_assert(is_same_function<decltype(driver::name), decltype(&theirs)>, #theirs)

CHECK_FUNCTION(init, cuInit);
CHECK_FUNCTION(driver_version, cuDriverGetVersion);
CHECK_FUNCTION(error_name, cuGetErrorName);
CHECK_FUNCTION(device_count, cuDeviceGetCount);
CHECK_FUNCTION(get_device, cuDeviceGet);
CHECK_FUNCTION(device_name, cuDeviceGetName);
CHECK_FUNCTION(device_uuid, cuDeviceGetUuid);
CHECK_FUNCTION(total_memory, cuDeviceTotalMem);
CHECK_FUNCTION(attribute, cuDeviceGetAttribute);
CHECK_FUNCTION(default_pool, cuDeviceGetDefaultMemPool);
CHECK_FUNCTION(set_pool_attribute, cuMemPoolSetAttribute);
CHECK_FUNCTION(trim_pool, cuMemPoolTrimTo);
CHECK_FUNCTION(retain_context, cuDevicePrimaryCtxRetain);
CHECK_FUNCTION(release_context, cuDevicePrimaryCtxRelease);
CHECK_FUNCTION(set_context, cuCtxSetCurrent);
CHECK_FUNCTION(create_stream, cuStreamCreate);
CHECK_FUNCTION(destroy_stream, cuStreamDestroy);
CHECK_FUNCTION(synchronize_stream, cuStreamSynchronize);
CHECK_FUNCTION(allocate, cuMemAllocAsync);
CHECK_FUNCTION(deallocate, cuMemFreeAsync);
CHECK_FUNCTION(copy_to_device, cuMemcpyHtoDAsync);
CHECK_FUNCTION(copy_to_host, cuMemcpyDtoHAsync);
CHECK_FUNCTION(copy_on_device, cuMemcpyDtoDAsync);
CHECK_FUNCTION(create_event, cuEventCreate);
CHECK_FUNCTION(record_event, cuEventRecord);
CHECK_FUNCTION(query_event, cuEventQuery);
CHECK_FUNCTION(synchronize_event, cuEventSynchronize);
CHECK_FUNCTION(elapsed_time, cuEventElapsedTime);
CHECK_FUNCTION(destroy_event, cuEventDestroy);
CHECK_FUNCTION(lock_memory, cuMemHostAlloc);
CHECK_FUNCTION(unlock_memory, cuMemFreeHost);

static_assert(ours::success == CUDA_SUCCESS);
static_assert(ours::out_of_memory == CUDA_ERROR_OUT_OF_MEMORY);
static_assert(ours::stub_library == CUDA_ERROR_STUB_LIBRARY);
static_assert(ours::no_device == CUDA_ERROR_NO_DEVICE);
static_assert(ours::not_ready == CUDA_ERROR_NOT_READY);
static_assert(ours::illegal_address == CUDA_ERROR_ILLEGAL_ADDRESS);
static_assert(ours::launch_failed == CUDA_ERROR_LAUNCH_FAILED);
static_assert(ours::system_driver_mismatch == CUDA_ERROR_SYSTEM_DRIVER_MISMATCH);
static_assert(ours::compute_mode == CU_DEVICE_ATTRIBUTE_COMPUTE_MODE);
static_assert(ours::capability_major == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
static_assert(ours::capability_minor == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
static_assert(ours::memory_pools_supported == CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED);
static_assert(ours::host_numa_id == CU_DEVICE_ATTRIBUTE_HOST_NUMA_ID);
static_assert(ours::mode_prohibited == CU_COMPUTEMODE_PROHIBITED);
static_assert(ours::portable_memory == CU_MEMHOSTALLOC_PORTABLE);
static_assert(ours::non_blocking_stream == CU_STREAM_NON_BLOCKING);
static_assert(ours::pool_release_threshold == CU_MEMPOOL_ATTR_RELEASE_THRESHOLD);
static_assert(sizeof(ours::uuid) == sizeof(CUuuid));

}  // namespace
