// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/pfr/core.hpp>
#include <boost/pfr/tuple_size.hpp>
#include <cereal/cereal.hpp>

#include <array>
#include <bit>
#include <chrono>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

/// @file
/// Sorts every type into what it is on the wire. The archives and the schema ask here, and nowhere
/// else, so that they cannot disagree.

namespace modal {

static_assert(std::endian::native == std::endian::little,
              "modal's wire format is little-endian and is not converted: see wire_protocol.md");

/// Opt-in for structs whose bytes are their value: trivially copyable, no pointers, no padding that
/// matters, every bit pattern valid. Ranges of them are sent as they lie in memory. Plain
/// aggregates of numbers without padding are found without it. Specialise as `true` for others, on
/// both ends.
template <class T>
inline constexpr bool enable_bitwise = false;

/// The enumerators of an enumeration, with their names: made by `MODAL_ENUM`. Without it an
/// enumeration travels as its underlying integer, and any value of that is accepted.
template <class E>
struct enumerators {
  static constexpr bool declared = false;
};

template <class E>
requires requires { modal_enumerators(static_cast<E*>(nullptr)); }
struct enumerators<E> {
  static constexpr bool declared = true;
  /// Pairs of value and name.
  static constexpr auto list = modal_enumerators(static_cast<E*>(nullptr));

  static constexpr bool contains(E value) noexcept {
    for (const auto& [each, name] : list)
      if (each == value) return true;
    return false;
  }
};

namespace detail {

template <class T>
inline constexpr bool always_false = false;

template <class T, template <class...> class Template>
inline constexpr bool is_a = false;
template <class... A, template <class...> class Template>
inline constexpr bool is_a<Template<A...>, Template> = true;

template <class T>
inline constexpr bool is_std_array = false;
template <class T, std::size_t N>
inline constexpr bool is_std_array<std::array<T, N>> = true;

template <class T>
inline constexpr bool is_span = false;
template <class T, std::size_t N>
inline constexpr bool is_span<std::span<T, N>> = true;

template <class T>
inline constexpr bool is_instant = false;
template <class D>
inline constexpr bool is_instant<std::chrono::time_point<std::chrono::system_clock, D>> = true;

template <class T>
inline constexpr bool is_other_clock = false;
template <class C, class D>
inline constexpr bool is_other_clock<std::chrono::time_point<C, D>> =
    !std::is_same_v<C, std::chrono::system_clock>;

template <class T>
concept has_value_type = requires {
  typename T::value_type;
};

template <class T>
concept associative = has_value_type<T> && requires(T c, typename T::value_type v) {
  typename T::key_type;
  c.emplace_hint(c.end(), std::move(v));
};

template <class T>
concept map_like = associative<T> && requires {
  typename T::mapped_type;
};

template <class T>
concept unordered = associative<T> && requires(T c) {
  c.bucket_count();
};

template <class T>
concept sequence_like = has_value_type<T> && !associative<T> && requires(T c) {
  c.emplace_back();
  c.begin();
  c.clear();
};

template <class T>
concept integer = std::is_integral_v<T> && !std::is_same_v<T, bool> &&
                  !std::is_same_v<T, wchar_t> && !std::is_same_v<T, char8_t> &&
                  !std::is_same_v<T, char16_t> && !std::is_same_v<T, char32_t> && sizeof(T) <= 8;

template <class T>
concept floating = std::is_same_v<T, float> || std::is_same_v<T, double>;

/// What fields a user's type has, and who says so.
enum class field_source : std::uint8_t {
  none,
  member_serialize,
  free_serialize,
  member_split,
  free_split,
  member_minimal,
  free_minimal,
  plain,  ///< an aggregate; Boost.PFR counts its members
};

enum class category : std::uint8_t {
  boolean,
  integer,
  floating,
  byte,
  enumeration,
  text,
  sequence,
  span,
  array,
  set,
  map,
  optional,
  pointer,
  variant,
  tuple,
  monostate,
  complex,
  period,
  instant,
  structure,
};

template <class T>
consteval category classify() {
  static_assert(!std::is_pointer_v<T> && !std::is_member_pointer_v<T>,
                "modal: raw pointers have no meaning in another process; use a value, a "
                "std::optional or a container");
  static_assert(!is_a<T, std::shared_ptr> && !is_a<T, std::weak_ptr>,
                "modal: std::shared_ptr cannot be sent: sharing does not survive a network, and "
                "ids of shared objects are unsafe to accept; use a value or std::unique_ptr");
  static_assert(!std::is_polymorphic_v<T>,
                "modal: polymorphic types cannot be sent: the peer would choose which class is "
                "made; use a std::variant of the concrete types");
  static_assert(!is_other_clock<T>,
                "modal: only std::chrono::system_clock has the same time on two machines");
  static_assert(!std::is_union_v<T>, "modal: unions cannot be sent; use std::variant");
  if constexpr (std::is_same_v<T, bool>) {
    return category::boolean;
  } else if constexpr (std::is_same_v<T, std::byte>) {
    return category::byte;
  } else if constexpr (integer<T>) {
    return category::integer;
  } else if constexpr (floating<T>) {
    return category::floating;
  } else if constexpr (std::is_arithmetic_v<T>) {
    static_assert(always_false<T>,
                  "modal: this arithmetic type has no fixed width on the wire (long double, "
                  "wchar_t and charN_t are not supported)");
  } else if constexpr (std::is_enum_v<T>) {
    return category::enumeration;
  } else if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view>) {
    return category::text;
  } else if constexpr (is_span<T>) {
    return category::span;
  } else if constexpr (is_std_array<T>) {
    return category::array;
  } else if constexpr (is_a<T, std::optional>) {
    return category::optional;
  } else if constexpr (is_a<T, std::unique_ptr>) {
    return category::pointer;
  } else if constexpr (is_a<T, std::variant>) {
    return category::variant;
  } else if constexpr (is_a<T, std::pair> || is_a<T, std::tuple>) {
    return category::tuple;
  } else if constexpr (std::is_same_v<T, std::monostate>) {
    return category::monostate;
  } else if constexpr (is_a<T, std::complex>) {
    static_assert(
        floating<typename T::value_type>,
        "modal: this arithmetic type has no fixed width on the wire: a std::complex is of "
        "float or double");
    return category::complex;
  } else if constexpr (is_a<T, std::chrono::duration>) {
    return category::period;
  } else if constexpr (is_instant<T>) {
    return category::instant;
  } else if constexpr (map_like<T>) {
    return category::map;
  } else if constexpr (associative<T>) {
    return category::set;
  } else if constexpr (sequence_like<T>) {
    return category::sequence;
  } else {
    static_assert(std::is_class_v<T>,
                  "modal: this type cannot be sent (C arrays: use std::array; references: use "
                  "values)");
    return category::structure;
  }
}

template <class T>
inline constexpr category category_of = classify<T>();

}  // namespace detail
}  // namespace modal
