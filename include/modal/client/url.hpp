// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace modal {

/// Where an executor listens.
struct endpoint {
  std::string host;       ///< name or address; empty for a Unix socket
  std::string port;       ///< decimal
  std::string unix_path;  ///< empty for TCP
  std::string authority;  ///< the value of the `host` field (RFC 9110 section 7.2)

  friend bool operator==(const endpoint&, const endpoint&) = default;
};

/// Reads `http://host[:port][/]`, `http://[v6]:port`, `http+unix:///path`.
/// **Errors**: `bad_configuration`, saying what is wrong with `url`.
result<endpoint> parse_url(std::string_view url);

}  // namespace modal
