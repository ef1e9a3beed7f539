// SPDX-License-Identifier: Apache-2.0
#include "executor/devices.hpp"

#include "device/cuda/cuda_device.hpp"
#include "device/host/host_device.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace modal::detail {
namespace {

bool wants(const catalog& functions, device_use what) {
  return std::any_of(functions.begin(), functions.end(),
                     [what](const auto& each) { return each.second.device == what; });
}

void add_host_devices(executor_devices& made, const executor_config& config) {
  for (std::size_t i = 0; i < config.host_devices; ++i)
    made.all.push_back(
        std::make_shared<device_slot>(std::make_shared<host_device>(host_device_config{
                                          .index = static_cast<int>(i),
                                          .memory_bytes = config.host_device_memory,
                                          .pinned_bytes = config.pinned_memory,
                                          .copy_bytes_per_second = config.host_device_copy_rate,
                                          .on_copy = {}}),
                                      saturated(config.device_patience)));
  if (config.host_devices == 0)
    made.no_host_device =
        "the function runs on a host device, and executor_config::host_devices is 0";
}

void add_gpus(executor_devices& made, const executor_config& config) {
  const auto driver = cuda::load_driver();
  auto found =
      driver ? find_cuda_devices(*driver) : result<std::vector<device_info>>(driver.error());
  if (!found) {
    made.no_gpu = "the function runs on a GPU: " + found.error().details().message;
    return;
  }
  const auto management = nvml::load();
  std::array<char, 96> version{};
  if (management) management->driver_version(version.data(), version.size() - 1);
  for (auto& each : *found) {
    std::shared_ptr<nvml::monitor> monitor;
    if (management) {
      monitor = std::make_shared<nvml::monitor>(*management, each.id);
      each.nvlinks = monitor->links();
      each.driver = version.data();
    }
    made.all.push_back(std::make_shared<device_slot>(
        std::make_shared<cuda_device>(*driver, std::move(each),
                                      cuda_device_config{.memory_bytes = config.gpu_memory,
                                                         .pinned_bytes = config.pinned_memory,
                                                         .monitor = std::move(monitor)}),
        saturated(config.device_patience)));
  }
}

}  // namespace

executor_devices make_devices(const executor_config& config, const catalog& functions) {
  executor_devices made;
  if (wants(functions, device_use::host)) add_host_devices(made, config);
  if (wants(functions, device_use::cuda)) add_gpus(made, config);
  return made;
}

}  // namespace modal::detail
