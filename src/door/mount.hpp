// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/bytes.hpp>
#include <modal/executor/http.hpp>

#include "door/door.hpp"

#include <functional>
#include <optional>

namespace modal::detail {

/// Passes one request of a host's server through `the_door`: see `executor::async_handle`.
mounted_call handle_mounted(door& the_door, buffer_pool& pool, const http_request& request,
                            std::function<void(http_response)> done);

/// See `executor::check`.
std::optional<http_response> check_mounted(const door& the_door, const http_request_head& head);

/// Returns `from` as the host wants it; `from`'s body is moved.
http_response to_http_response(reply& from);

}  // namespace modal::detail
