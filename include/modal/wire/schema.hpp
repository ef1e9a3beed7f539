// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace modal {

/// What a type is on the wire.
enum class kind : std::uint8_t {
  nothing,      ///< void
  boolean,      ///< bool
  integer,      ///< `bytes` wide, `is_signed`
  floating,     ///< 4 or 8 `bytes` wide
  enumeration,  ///< an integer with a `name`, and perhaps `labels`
  text,         ///< UTF-8 or not, as std::string
  blob,         ///< a range of bytes (std::byte or std::uint8_t); of `count`, where it is not 0
  list,         ///< any number of `parts[0]`
  array,        ///< `count` times `parts[0]`
  tensor,       ///< a list of `parts[0]` with `count` extents
  bits,         ///< `count` of them
  set,          ///< distinct `parts[0]`
  map,          ///< from `parts[0]` to `parts[1]`
  optional,     ///< `parts[0]` or nothing
  variant,      ///< one of `parts`
  tuple,        ///< all of `parts`
  structure,    ///< all of `parts`, with a `name`, and `labels` of those that are named
  period,       ///< a count (`parts[0]`) of seconds × `numerator` / `denominator`
  instant,      ///< a `period` since the Unix epoch
  recursion,    ///< the enclosing structure of the same `name`
};

/// The shape of a type, as a tree. A value: built from traits once per type, then copied and read.
struct schema {
  modal::kind kind = kind::nothing;
  std::uint8_t bytes = 0;      ///< width of integers, floating points and enumerations
  bool is_signed = false;      ///< of integers and enumerations
  std::string name = {};       ///< of structures and enumerations, without name space
  std::uint64_t count = 0;     ///< of arrays, bits, blobs and tensors
  std::int64_t numerator = 1;  ///< of durations
  std::int64_t denominator = 1;
  std::vector<schema> parts = {};
  std::vector<std::string> labels =
      {};  ///< field names (empty for an unnamed field), or enumerators
  std::vector<std::int64_t> values = {};  ///< of enumerations with labels: the value of each
  /// Of structures: a function of the user's writes the fields, one by one, as it likes.
  bool by_function = false;
  /// Of structures of which a range is not written as the fields let expect: "#" where they are
  /// flat and it is not, "#12/4" where it is sent as it lies, each 12 bytes, aligned to 4.
  std::string layout = {};
  /// Of the parameter of a function: its elements come back with the result.
  bool is_inout = false;
  bool repeats = false;  ///< of sets and maps: a key may come again. Not in the canonical text.

  friend bool operator==(const schema&, const schema&) = default;
};

/// Returns the names of the members of the object that a structure is in JSON, of which an unnamed
/// field n is "value<n>"; none if it is an array, as where no field has a name.
std::vector<std::string> member_names(const schema& shape);

/// Returns the canonical text of `shape`.
std::string to_text(const schema& shape);

}  // namespace modal
