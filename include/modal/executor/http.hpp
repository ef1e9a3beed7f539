// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

/// @file
/// The neutral request and response of `executor::handle` and `executor::async_handle`: how a host
/// passes HTTP messages of its own server on to an executor. Values, of no HTTP library.
///
/// **Mounting.** The executor answers its own routes, under their own paths: everything below
/// `/v1/`, and `/openapi.json`, `/healthz`, `/readyz` and `/metrics`. A host that has a router
/// sends these paths here and keeps the rest; one that has none asks `executor::serves(target)`
/// first, or sends everything and falls back where the status is 404. Clients are given the host's
/// own URL; a prefix before the paths is not possible, because clients build the paths themselves.

namespace modal {

/// Header fields in the order in which they came. Names compare without regard to case.
using http_fields = std::vector<std::pair<std::string, std::string>>;

/// A request before its body was read.
struct http_request_head {
  std::string method;
  std::string target;  ///< path and query as sent: "/v1/functions"
  http_fields headers;
};

/// A whole request.
struct http_request {
  std::string method;
  std::string target;
  http_fields headers;
  std::string body;  ///< without transfer coding
};

/// A whole response. The host adds `content-length`, `date` and `connection`, and sends no body in
/// answer to HEAD.
struct http_response {
  int status = 200;
  http_fields headers;
  std::string body;

  /// Returns the value of the first field of this name, or an empty text.
  [[nodiscard]] std::string header(const std::string& name) const;
};

/// A call that a host passed on: lets the host tell that its client went away. A value; all copies
/// mean the same call. Forgetting it does not end the call.
class mounted_call {
 public:
  mounted_call() = default;

  /// Cancels the call: its stop token is stopped, and its response is the error `cancelled`.
  /// Harmless after the call has ended, and for requests that were no calls. Safe from any thread.
  void cancel();

  struct state;
  explicit mounted_call(std::shared_ptr<state> call) : state_(std::move(call)) {}

 private:
  std::shared_ptr<state> state_;  // owners: these handles and, until it has ended, the call
};

}  // namespace modal
