// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "door/door.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace modal::detail {

/// What a response says about its connection.
enum class connection_option : std::uint8_t { none, close, keep_alive };

/// Writes the head of `answer`, with its last empty line, to `out`, whose memory is reused.
void write_response_head(std::string& out, const reply& answer, std::size_t body_size,
                         connection_option option);

}  // namespace modal::detail
