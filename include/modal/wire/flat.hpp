// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/wire/classify.hpp>
#include <modal/wire/field_names.hpp>
#include <modal/wire/plain.hpp>

#include <algorithm>

/// @file
/// Which types are *flat*: their bytes in memory are their bytes on the wire, so that a range of
/// them travels as one block. What the fields of a struct are is found here, too.

namespace modal::detail {

template <class T>
consteval field_source find_field_source() {
  if constexpr (has_listed_fields<T>) {
    return field_source::listed;
  } else if constexpr (constexpr field_source found = find_cereal_function<T>();
                       found != field_source::none) {
    return found;
  } else if constexpr (std::is_aggregate_v<T>) {
    check_plain<T>();
    return field_source::plain;
  } else {
    return field_source::none;
  }
}

/// Who writes and reads the fields of a class, without const, of `category::structure`.
template <class T>
inline constexpr field_source field_source_of = find_field_source<T>();

/// How the bytes of a struct's fields lie, as far as the text of its type lets anybody reckon.
struct field_layout {
  std::size_t size = 0;       // of the fields, one after the other
  std::size_t alignment = 1;  // of the strictest
  bool is_flat = true;        // each field is, and the next follows without a gap
};

template <class T>
consteval bool find_bitwise();

template <class T>
inline constexpr bool is_bitwise = find_bitwise<T>();

template <class... Field>
consteval field_layout lay_out() {
  field_layout made;
  const auto add = [&made](std::size_t size, std::size_t alignment, bool is_flat) {
    made.is_flat = made.is_flat && is_flat && made.size % alignment == 0;
    made.size += size;
    made.alignment = std::max(made.alignment, alignment);
  };
  (add(sizeof(Field), alignof(Field), is_bitwise<Field>), ...);
  made.is_flat = made.is_flat && made.size != 0 && made.size % made.alignment == 0;
  return made;
}

template <class T, std::size_t... I>
consteval field_layout lay_out_plain(std::index_sequence<I...>) {
  return lay_out<std::remove_cv_t<boost::pfr::tuple_element_t<I, T>>...>();
}

struct layout_visitor {
  template <class Struct, class... Field>
  constexpr field_layout operator()(const listed_field<Struct, Field>&...) const {
    return lay_out<std::remove_cv_t<Field>...>();
  }
};

/// Tells whether the listed fields follow each other from the first byte on.
struct place_visitor {
  template <class Struct, class... Field>
  constexpr bool operator()(const listed_field<Struct, Field>&... field) const {
    std::size_t end = 0;
    const auto follows = [&end](std::size_t offset, std::size_t size) {
      return std::exchange(end, offset + size) == offset;
    };
    return (follows(field.offset, sizeof(Field)) && ...);
  }
};

template <class T>
consteval field_layout find_layout() {
  if constexpr (is_function(field_source_of<T>) || field_source_of<T> == field_source::none)
    return {.is_flat = false};
  else if constexpr (field_source_of<T> == field_source::listed)
    return modal_fields(static_cast<const T*>(nullptr), layout_visitor());
  else if constexpr (std::is_empty_v<T>)
    return {.is_flat = false};
  else
    return lay_out_plain<T>(std::make_index_sequence<boost::pfr::tuple_size_v<T>>{});
}

template <class T>
inline constexpr field_layout layout_of = find_layout<T>();

template <class T>
consteval bool lies_as_written() {
  if constexpr (!layout_of<T>.is_flat || layout_of<T>.size != sizeof(T))
    return false;
  else if constexpr (field_source_of<T> == field_source::listed)
    return modal_fields(static_cast<const T*>(nullptr), place_visitor());
  else
    return true;
}

/// Returns whether a range of T may be sent as it lies in memory: every bit pattern is a value, and
/// the bytes are the same as if the fields were written one after the other.
template <class T>
consteval bool find_bitwise() {
  if constexpr (!std::is_trivially_copyable_v<T>) {
    return false;
  } else if constexpr (enable_bitwise<T>) {
    return true;
  } else if constexpr (integer<T> || floating<T> || std::is_same_v<T, std::byte>) {
    return true;
  } else if constexpr (is_std_array<T> || std::is_array_v<T>) {
    return array_traits<T>::count > 0 && is_bitwise<typename array_traits<T>::element>;
  } else if constexpr (is_a<T, std::complex>) {
    return true;
  } else if constexpr (is_a<T, std::chrono::duration>) {
    return is_bitwise<typename T::rep>;
  } else if constexpr (std::is_class_v<T> && !is_span<T> && !std::is_polymorphic_v<T> &&
                       !is_a<T, std::atomic>) {
    if constexpr (category_of<T> == category::structure)
      return lies_as_written<T>();
    else
      return false;
  } else {
    return false;
  }
}

/// A list whose elements travel as one block, whatever container they are in.
template <class T>
concept flat_range = has_value_type<T> && !is_std_array<T> && is_bitwise<typename T::value_type> &&
                     (category_of<T> == category::sequence || category_of<T> == category::span);

/// Those that lie in memory as the block does.
template <class T>
concept bulk_range = flat_range<T> && requires(T c) {
  c.data();
  c.size();
};

/// Bytes that one value takes on the wire at least; a count of values is checked against it.
template <class T>
consteval std::size_t min_wire_size() {
  constexpr category what = category_of<T>;
  if constexpr (is_bitwise<T>) {
    return sizeof(T);
  } else if constexpr (what == category::enumeration) {
    return sizeof(T);
  } else if constexpr (what == category::text || what == category::sequence ||
                       what == category::span || what == category::elsewhere ||
                       what == category::set || what == category::map ||
                       what == category::adaptor) {
    return 8;
  } else if constexpr (what == category::tensor) {
    return 8 * (T::rank + 1);
  } else if constexpr (what == category::variant) {
    return 4;
  } else if constexpr (what == category::array) {
    using array = array_traits<T>;
    return array::count == 0 ? 1 : array::count * min_wire_size<typename array::element>();
  } else {
    return 1;
  }
}

}  // namespace modal::detail
