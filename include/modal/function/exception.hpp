// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/error.hpp>
#include <modal/detail/for_each.hpp>
#include <modal/function/descriptor.hpp>
#include <modal/wire/type_name.hpp>

#include <string>
#include <string_view>

/// Lets exceptions of `type` that a remote function throws arrive as `type`, made from the text of
/// `what()`. Used once, in the caller's program, at any name space scope; `type` is written with
/// all its name spaces, and has a constructor from `std::string` (or `const char*`).
///
///     MODAL_EXCEPTION(filters::bad_extent)
#define MODAL_EXCEPTION(type)                                                             \
  [[maybe_unused]] static const bool MODAL_DETAIL_CONCAT(modal_exception_, __COUNTER__) = \
      ::modal::detail::register_exception<type>();

namespace modal::detail {

/// Adds to the list that the macro fills before `main`. Not for use afterwards.
void register_exception(std::string_view type_name, exception_thrower thrower);

/// Returns the name of the exception that is being handled, as C++ spells it, or "unknown".
std::string current_exception_type();

/// Returns what the exception that is being handled says of a call: before the function it is the
/// caller's bytes that are wrong, in it the function failed, after it the result cannot be sent.
error failure_of_exception(invocation::stage reached);

template <class E>
bool register_exception() {
  static_assert(
      std::is_constructible_v<E, const std::string&> || std::is_constructible_v<E, const char*>,
      "modal: MODAL_EXCEPTION needs a type with a constructor from std::string");
  register_exception(type_name<E>(), [](const diagnostics& details) {
    if constexpr (std::is_constructible_v<E, const std::string&>)
      throw E(details.message);
    else
      throw E(details.message.c_str());
  });
  return true;
}

}  // namespace modal::detail
