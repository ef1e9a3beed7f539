// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/ids.hpp>
#include <modal/wire/http_call.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace modal {

/// What carried a call.
enum class path_kind : std::uint8_t {
  none,          ///< nothing yet
  in_process,    ///< it stayed in the process
  http,          ///< HTTP over TCP
  http_unix,     ///< HTTP over a Unix socket
  session,       ///< a session over TCP
  session_unix,  ///< a session over a Unix socket, one that was offered too
};

/// Where the time of one call went. Durations in nanoseconds; zero where nothing was measured.
/// `transfer` is what remains of `total`: the way there and back, and the work of the two ends'
/// transports; it includes the executor's reading of the body.
struct call_report {
  call_id id;
  int attempts = 0;  ///< of the client, then of the executor; 1 where nothing was repeated

  std::chrono::nanoseconds queue{0};     ///< admitted, waiting for a worker
  std::chrono::nanoseconds decode{0};    ///< bytes to arguments, on the worker
  std::chrono::nanoseconds run{0};       ///< inside the function
  std::chrono::nanoseconds encode{0};    ///< result to bytes, on the worker
  std::chrono::nanoseconds transfer{0};  ///< everything else; zero at the executor
  std::chrono::nanoseconds total{0};     ///< as the caller saw it, all attempts and waits included

  path_kind path = path_kind::none;  ///< of the last attempt; at the executor: none

  std::size_t bytes_in = 0;   ///< of the arguments' payload
  std::size_t bytes_out = 0;  ///< of the result's payload

  device_report device{};  ///< of a function that uses one
};

}  // namespace modal
