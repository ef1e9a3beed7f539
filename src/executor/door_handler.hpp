// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "door/door.hpp"
#include "net/request_handler.hpp"

#include <memory>

namespace modal::detail {

/// Returns what lets a listener's requests in at `serves`, and keeps that.
std::shared_ptr<request_handler> make_door_handler(std::shared_ptr<door> serves);

}  // namespace modal::detail
