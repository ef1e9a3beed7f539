// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/ids.hpp>

#include <chrono>
#include <string>

namespace modal {

/// What is said of a call before its arguments, whatever carries it: the fields of an HTTP request
/// are one spelling of it (http_call.hpp).
struct call_head {
  std::string function;                  ///< its name
  call_id id;                            ///< nil: the executor makes one
  signature_id signature;                ///< nil: not checked (JSON callers)
  std::chrono::microseconds timeout{0};  ///< that is left; zero: none given
  int attempt = 1;                       ///< of the caller; from 1
  call_id parent;                        ///< the call whose function makes this one; nil: none
  int depth = 0;                         ///< how many calls this one is nested in
  /// The caller tries again under this id if it loses its connection: the call goes on without it
  /// for a while, and who asks again is given its outcome.
  bool repeats = false;
  std::string traceparent;  ///< W3C Trace Context; may be empty
};

/// Calls that are nested deeper are refused.
inline constexpr int deepest_call = 32;

}  // namespace modal
