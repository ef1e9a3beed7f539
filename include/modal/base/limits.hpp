// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>

namespace modal {

/// Bounds on decoding one payload. Everything from the network is checked against these before
/// memory is taken for it. One past any of them is `errc::too_large`, or `malformed_payload` where
/// the bytes contradict themselves.
struct decode_limits {
  std::size_t depth = 64;  ///< nested containers, optionals, variants and structs
  std::size_t elements = std::size_t{1} << 30;  ///< elements of one container
  std::size_t containers = 1'000'000;           ///< containers in one payload
  std::size_t segments = 1024;                  ///< large arrays of one payload
  /// Bytes that decoding may allocate, as a multiple of the bytes received, plus `allocation_base`.
  std::size_t allocation_factor = 16;
  std::size_t allocation_base = 1 << 20;
};

/// All bounds of an executor, in one place. A plain value. Those of a client are `client_limits`.
struct limits {
  decode_limits decode{};

  std::size_t header_bytes = 16 << 10;            ///< request line and header fields together
  std::size_t body_bytes = std::size_t{1} << 30;  ///< one request or response body (1 GiB)
  std::size_t json_body_bytes = 16 << 20;         ///< one JSON body
  /// Memory of one executor for bodies and results (4 GiB). Charged as bytes arrive. At the limit
  /// new calls are refused, and bodies that arrive wait for older ones; see
  /// src/dispatch/memory_budget.hpp.
  std::size_t bytes_in_flight = std::size_t{4} << 30;
  std::size_t queue_length = 1024;  ///< calls waiting for a worker, of one function
  std::size_t connections = 1024;   ///< open connections; one more is told to come later
  /// Ids of calls that began, about so many; one that comes again is `duplicate_call`. 24 bytes
  /// each; 0: none; 100 million at most.
  std::size_t remembered_calls = 65'536;
  /// Outcomes that are kept for callers who try again (`on_lost::repeat`) (64 MiB), and at most a
  /// quarter of `bytes_in_flight`, where they count; 0: none, and who asks again runs again.
  std::size_t remembered_bytes = std::size_t{64} << 20;
  std::chrono::milliseconds remembered_time{60'000};  ///< how long ids and outcomes are kept

  std::chrono::milliseconds header_timeout{10'000};  ///< from the first byte of a head to its last
  std::chrono::milliseconds idle_timeout{75'000};    ///< keep-alive connection with no request
  std::chrono::milliseconds transfer_timeout{
      30'000};  ///< reading or writing a body without any progress
  /// The least bytes a second, averaged over `rate_window`, that a peer must send of a body that it
  /// is not kept waiting with, or take of an answer.
  std::size_t minimum_rate = 16 << 10;
  std::chrono::milliseconds rate_window{10'000};
  std::chrono::milliseconds call_timeout{600'000};  ///< longest deadline of a call, and the default
};

/// All bounds of a client, besides the deadlines of its calls: on what an executor answers. A plain
/// value.
struct client_limits {
  decode_limits decode{};                         ///< of results
  std::size_t header_bytes = 16 << 10;            ///< status line and header fields together
  std::size_t body_bytes = std::size_t{1} << 30;  ///< one result (1 GiB)
  /// Sending arguments, or receiving a result that has begun, without any progress.
  std::chrono::milliseconds transfer_timeout{30'000};
};

}  // namespace modal
