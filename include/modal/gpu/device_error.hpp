// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/error.hpp>

#include <type_traits>
#include <utility>

namespace modal {

/// Thrown where a device has no memory or has failed. A function that lets it through fails with
/// its code, and not with `function_failed`, so that its caller knows what to do about it.
class device_error : public call_error {
 public:
  using call_error::call_error;
};

namespace detail {

/// Returns the value, or throws the error as a `device_error`.
template <class T>
T device_value(result<T> from) {
  if (!from) throw device_error(std::move(from).error());
  if constexpr (!std::is_void_v<T>) return *std::move(from);
}

}  // namespace detail
}  // namespace modal
