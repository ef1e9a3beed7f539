// SPDX-License-Identifier: Apache-2.0
#include "device/cuda/nvml.hpp"

#include <chrono>
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

device_health monitor::look(time_point now) {
  constexpr std::chrono::seconds shortest_interval{1};
  if (device_ == nullptr) return {};
  const mutex_lock lock(mutex_);
  if (looked_at_ && now - *looked_at_ < shortest_interval) return last_;
  looked_at_ = now;
  last_ = {};
  if (utilization busy{}; table_.utilization_of(device_, &busy) == success)
    last_.busy_percent = busy.gpu;
  if (memory_info memory{}; table_.memory_of(device_, &memory) == success)
    last_.memory_used = static_cast<std::size_t>(memory.used);
  if (unsigned degrees = 0; table_.temperature_of(device_, temperature_of_gpu, &degrees) == success)
    last_.celsius = degrees;
  if (unsigned milliwatts = 0; table_.power_of(device_, &milliwatts) == success)
    last_.milliwatts = milliwatts;
  return last_;
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
