// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "device/device.hpp"

#include <optional>
#include <string>

/// @file
/// How busy, full and warm a GPU is, whoever uses it: NVIDIA's management library (NVML), found
/// when the program runs. Source: NVML API Reference Guide, which keeps these declarations for
/// ever.

namespace modal::detail::nvml {

using status = int;
using device_handle = void*;

inline constexpr status success = 0;
inline constexpr int temperature_of_gpu = 0;  ///< `NVML_TEMPERATURE_GPU`
inline constexpr unsigned most_links = 18;    ///< `NVML_NVLINK_MAX_LINKS`

struct utilization {
  unsigned gpu;  ///< percent of the time in which a kernel ran
  unsigned memory;
};
struct memory_info {
  unsigned long long total;
  unsigned long long free;
  unsigned long long used;
};

/// The library. A value; its functions may be called from any thread.
struct library {
  status (*init)() = nullptr;
  status (*driver_version)(char* text, unsigned size) = nullptr;
  status (*find_device)(const char* uuid, device_handle* found) = nullptr;
  status (*utilization_of)(device_handle of, utilization* found) = nullptr;
  status (*memory_of)(device_handle of, memory_info* found) = nullptr;
  status (*temperature_of)(device_handle of, int sensor, unsigned* degrees) = nullptr;
  status (*power_of)(device_handle of, unsigned* milliwatts) = nullptr;
  status (*link_state)(device_handle of, unsigned link, unsigned* is_active) = nullptr;
};

/// Loads and initialises it; nothing where it is not there: then nobody knows.
std::optional<library> load();

/// Looks at one GPU. **Thread safety**: safe to share.
class monitor {
 public:
  /// @param uuid of the GPU, as "GPU-…".
  monitor(const library& table, const std::string& uuid);

  /// Returns how it is. Takes milliseconds.
  [[nodiscard]] device_health look() const;

  /// Returns how many NVLinks it has in use; 0 where it has none, or it is not known.
  [[nodiscard]] int links() const noexcept;

 private:
  const library table_;
  device_handle device_ = nullptr;  // null: it was not found
};

}  // namespace modal::detail::nvml
