// SPDX-License-Identifier: Apache-2.0
#include "executor/devices.hpp"

#include "device/host/host_device.hpp"

#include <algorithm>

namespace modal::detail {

std::vector<std::shared_ptr<device_slot>> make_devices(const executor_config& config,
                                                       const catalog& functions) {
  std::vector<std::shared_ptr<device_slot>> made;
  const bool are_wanted = std::any_of(functions.begin(), functions.end(),
                                      [](const auto& each) { return each.second.uses_device; });
  if (!are_wanted) return made;
  for (std::size_t i = 0; i < config.host_devices; ++i)
    made.push_back(std::make_shared<device_slot>(std::make_shared<host_device>(
        host_device_config{.index = static_cast<int>(i),
                           .memory_bytes = config.host_device_memory,
                           .copy_bytes_per_second = config.host_device_copy_rate,
                           .on_copy = {}})));
  return made;
}

}  // namespace modal::detail
