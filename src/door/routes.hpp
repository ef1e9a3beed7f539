// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "door/door.hpp"

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace modal::detail {

enum class route : std::uint8_t { none, functions, devices, openapi, healthz, readyz, metrics };

/// The routes that only tell: what is served, how to call it, and how the executor is.
class routes {
 public:
  routes(dispatcher& calls, std::function<std::size_t()> connections);

  /// Returns the route of `path`.
  static route find(std::string_view path) noexcept;

  /// Writes the answer to a GET or HEAD of `which`.
  void write(route which, const incoming_request& request, reply& out);

 private:
  struct document {
    std::once_flag made;
    std::string text;
    std::string etag;
  };
  [[nodiscard]] dispatcher_snapshot look() const;  ///< at everything, devices too
  void write_document(document& which, const std::function<std::string()>& make,
                      const request_head& head, reply& out);
  [[nodiscard]] std::string functions_text() const;

  dispatcher& calls_;
  std::function<std::size_t()> connections_;
  document functions_;  // never change after the start, so made once
  document openapi_;
};

/// Returns the devices and what they are busy with, in JSON.
std::string devices_text(const dispatcher_snapshot& now);

/// Returns what `/readyz` answers while calls are taken.
std::string ready_text(const dispatcher_snapshot& now);

/// Returns an OpenAPI 3.1 document of all functions.
std::string openapi_text(const catalog& functions);

/// Returns the state in Prometheus' text format, version 0.0.4.
std::string metrics_text(const dispatcher_snapshot& now, std::size_t connections);

/// Returns the GNU build id of the running program in hexadecimal, or an empty text.
const std::string& build_id();

/// Returns the version of the library, "0.1.0".
std::string_view library_version() noexcept;

}  // namespace modal::detail
