// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

namespace modal::detail {

/// Who makes a request, as whoever took it in found out.
struct principal {
  std::string name;  ///< `uid:1000`: the user whose process connected to a Unix socket
};

/// Travels with a request from its connection to its call. Null: nobody found out, which is so of
/// all that come by TCP while there is no authentication.
using principal_ptr = std::shared_ptr<const principal>;

}  // namespace modal::detail
