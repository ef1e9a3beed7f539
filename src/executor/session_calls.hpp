// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "door/door.hpp"
#include "net/request_handler.hpp"

#include <memory>

namespace modal::detail {

/// Returns the other side of one session: what its calls mean to the executor behind `serves`.
std::shared_ptr<session_exchange> make_session_calls(std::shared_ptr<door> serves);

}  // namespace modal::detail
