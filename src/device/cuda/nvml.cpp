// SPDX-License-Identifier: Apache-2.0
#include "device/cuda/nvml.hpp"

#include <dlfcn.h>
#include <type_traits>

namespace modal::detail::nvml {

std::optional<library> load() {
  void* const found = ::dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
  if (found == nullptr) return std::nullopt;
  library table;
  bool is_complete = true;
  const auto take = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(found, name));
    is_complete = is_complete && function != nullptr;
  };
  take(table.init, "nvmlInit_v2");
  take(table.driver_version, "nvmlSystemGetDriverVersion");
  take(table.find_device, "nvmlDeviceGetHandleByUUID");
  take(table.utilization_of, "nvmlDeviceGetUtilizationRates");
  take(table.memory_of, "nvmlDeviceGetMemoryInfo");
  take(table.temperature_of, "nvmlDeviceGetTemperature");
  take(table.power_of, "nvmlDeviceGetPowerUsage");
  take(table.link_state, "nvmlDeviceGetNvLinkState");
  if (!is_complete || table.init() != success) return std::nullopt;
  return table;
}

monitor::monitor(const library& table, const std::string& uuid) : table_(table) {
  if (table_.find_device(uuid.c_str(), &device_) != success) device_ = nullptr;
}

device_health monitor::look() const {
  device_health found;
  if (device_ == nullptr) return found;
  if (utilization busy{}; table_.utilization_of(device_, &busy) == success)
    found.busy_percent = busy.gpu;
  if (memory_info memory{}; table_.memory_of(device_, &memory) == success)
    found.memory_used = static_cast<std::size_t>(memory.used);
  if (unsigned degrees = 0; table_.temperature_of(device_, temperature_of_gpu, &degrees) == success)
    found.celsius = degrees;
  if (unsigned milliwatts = 0; table_.power_of(device_, &milliwatts) == success)
    found.milliwatts = milliwatts;
  return found;
}

int monitor::links() const noexcept {
  int count = 0;
  for (unsigned i = 0; device_ != nullptr && i < most_links; ++i) {
    unsigned is_active = 0;
    if (table_.link_state(device_, i, &is_active) == success && is_active == 1) ++count;
  }
  return count;
}

}  // namespace modal::detail::nvml
