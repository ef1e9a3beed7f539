// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/executor/config.hpp>
#include <modal/function/catalog.hpp>

#include "worker/device_slot.hpp"

#include <memory>
#include <vector>

namespace modal::detail {

/// Makes the devices of an executor; none where no function uses one, for each has threads.
std::vector<std::shared_ptr<device_slot>> make_devices(const executor_config& config,
                                                       const catalog& functions);

}  // namespace modal::detail
