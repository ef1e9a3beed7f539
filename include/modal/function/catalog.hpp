// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/error.hpp>
#include <modal/function/descriptor.hpp>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace modal {

/// The functions that an executor serves, by name. Filled first, then only read: `const` methods
/// are safe to call concurrently.
class catalog {
 public:
  /// Adds `entry`. What is there already and is described again by `make_descriptor`, as the linker
  /// kept its registration, stays, and takes the options if any are given.
  /// **Errors**: `duplicate_function` where another function has the name, or the macro stands
  /// twice, naming both places; `bad_configuration` for an empty name or one with characters
  /// outside of letters, digits and `_ : . < > , - ( ) & *`, or for options out of range.
  result<void> add(function_descriptor entry);

  /// Returns the function of this name, or null.
  [[nodiscard]] const function_descriptor* find(std::string_view name) const noexcept;

  /// Returns the registered name that is nearest to `name` (same last part, or small edit
  /// distance), or an empty text where none is near.
  [[nodiscard]] std::string_view nearest(std::string_view name) const;

  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] auto begin() const noexcept { return entries_.begin(); }
  [[nodiscard]] auto end() const noexcept { return entries_.end(); }

 private:
  std::map<std::string, function_descriptor, std::less<>> entries_;
};

/// Returns a catalog of all functions that `MODAL_FUNCTION` registered in this program.
/// **Errors**: as `catalog::add`.
result<catalog> registered_functions();

namespace detail {

/// Appends to the list that the macro fills before `main`. Not for use afterwards.
void register_descriptor(function_descriptor entry);

}  // namespace detail
}  // namespace modal
