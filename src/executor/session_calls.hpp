// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "door/door.hpp"
#include "net/request_handler.hpp"

#include <memory>

namespace modal::detail {

/// Returns the other side of one session: what its calls mean to the executor behind `serves`.
/// @param caller who makes them. @param origin where it comes from.
std::shared_ptr<session_exchange> make_session_calls(std::shared_ptr<door> serves,
                                                     principal_ptr caller,
                                                     const peer_origin& origin);

}  // namespace modal::detail
