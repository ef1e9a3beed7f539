// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/executor/config.hpp>
#include <modal/function/catalog.hpp>

#include "worker/device_slot.hpp"

#include <memory>
#include <string>
#include <vector>

namespace modal::detail {

struct executor_devices {
  std::vector<std::shared_ptr<device_slot>> all;
  // Why there is none of a kind that functions want; empty where there is.
  std::string no_host_device;
  std::string no_gpu;
};

/// Makes the devices that the functions use: no others, for each has threads, or is a driver's.
executor_devices make_devices(const executor_config& config, const catalog& functions);

}  // namespace modal::detail
