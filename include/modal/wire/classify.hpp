// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/wire/cereal_functions.hpp>
#include <modal/wire/type_name.hpp>

#include <array>
#include <atomic>
#include <bit>
#include <bitset>
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

/// What `MODAL_FIELDS` passes to a visitor: the name of a field, and where it is in its struct.
template <class Struct, class Field>
struct listed_field {
  Field Struct::*place;
  std::size_t offset;
  std::string_view name;
};

struct any_visitor {
  template <class... Field>
  constexpr void operator()(const Field&...) const noexcept {}
};

template <class T>
concept has_listed_fields = requires {
  modal_fields(static_cast<const T*>(nullptr), any_visitor());
};

template <class T, template <class...> class Template>
inline constexpr bool is_a = false;
template <class... A, template <class...> class Template>
inline constexpr bool is_a<Template<A...>, Template> = true;

template <class T>
inline constexpr bool is_std_array = false;
template <class T, std::size_t N>
inline constexpr bool is_std_array<std::array<T, N>> = true;

/// The number of elements of a std::array or a C array, and their type.
template <class T>
struct array_traits;
template <class T, std::size_t N>
struct array_traits<std::array<T, N>> {
  using element = T;
  static constexpr std::size_t count = N;
};
template <class T, std::size_t N>
struct array_traits<T[N]> {
  using element = T;
  static constexpr std::size_t count = N;
};

template <class T>
inline constexpr bool is_bitset = false;
template <std::size_t N>
inline constexpr bool is_bitset<std::bitset<N>> = true;

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

// By what they can do, so that nobody pays for headers of containers that few use.
template <class T>
concept forward_list_like = has_value_type<T> && requires(T c) {
  c.emplace_after(c.before_begin());
};

template <class T>
concept valarray_like = has_value_type<T> && requires(T c) {
  c.cshift(1);
  c.resize(c.size());
};

template <class T>
concept sequence_like = has_value_type<T> && !associative<T> && requires(T c) {
  c.emplace_back();
  c.begin();
  c.clear();
};

/// std::stack, std::queue, std::priority_queue, and classes derived from them.
template <class T>
concept adaptor_like = requires(T c, const typename T::container_type& inner) {
  c.pop();
  c.push(*inner.begin());
};

/// An array whose elements may lie where the CPU cannot read them. `host_elements` are those to be
/// written, and `refer_to_host` is told those that were read, which stay for as long as the array.
template <class T>
concept elsewhere_like = has_value_type<T> &&
    requires(T& to, const T& from, std::span<const typename T::value_type> elements) {
  to.refer_to_host(elements);
  { from.host_elements() } -> std::same_as<std::span<const typename T::value_type>>;
};

/// The same with several dimensions, of which the last counts fastest on the wire. One that is only
/// written may have strides of its own.
template <class T>
concept tensor_like = has_value_type<T> &&
    requires(T& to, const T& from, std::span<const typename T::value_type> elements) {
  requires T::rank >= 1;
  to.refer_to_host(elements, from.shape());
  { from.host_elements() } -> std::same_as<std::span<const typename T::value_type>>;
  from.is_dense();
};

/// Whether the type is one of the standard library's, of which no user may say what it is.
template <class T>
inline constexpr bool is_standard = type_name<T>().starts_with("std::");

template <class T>
concept integer = std::is_integral_v<T> && !std::is_same_v<T, bool> &&
                  !std::is_same_v<T, wchar_t> && !std::is_same_v<T, char8_t> &&
                  !std::is_same_v<T, char16_t> && !std::is_same_v<T, char32_t> && sizeof(T) <= 8;

template <class T>
concept floating = std::is_same_v<T, float> || std::is_same_v<T, double>;

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
  elsewhere,
  tensor,
  adaptor,
  set,
  map,
  bits,
  atomic,
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

/// What a class is that may be a user's: its fields, where somebody says what they are.
template <class T>
consteval category classify_class() {
  static_assert(std::is_class_v<T>, "modal: this type cannot be sent (references: use values)");
  if constexpr (!is_standard<T> && (has_listed_fields<T> || has_function_of_its_own<T>))
    return category::structure;
  else if constexpr (map_like<T>)
    return category::map;
  else if constexpr (associative<T>)
    return category::set;
  else if constexpr (sequence_like<T> || forward_list_like<T> || valarray_like<T>)
    return category::sequence;
  else if constexpr (adaptor_like<T>)
    return category::adaptor;
  else
    return category::structure;
}

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
  static_assert(
      !requires { typename T::writes_elsewhere; },
      "modal: what a function writes to a device_span inside of a value, or through a "
      "tensor_view, cannot come back to its caller: take a device_span<T> itself, or what "
      "owns its elements");
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
  } else if constexpr (std::is_array_v<T>) {
    return category::array;
  } else if constexpr (std::is_enum_v<T>) {
    return has_function_of_its_own<T> ? category::structure : category::enumeration;
  } else if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view>) {
    return category::text;
  } else if constexpr (is_span<T>) {
    return category::span;
  } else if constexpr (elsewhere_like<T>) {
    return category::elsewhere;
  } else if constexpr (tensor_like<T>) {
    return category::tensor;
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
  } else if constexpr (is_a<T, std::atomic>) {
    return category::atomic;
  } else if constexpr (is_bitset<T>) {
    return category::bits;
  } else {
    return classify_class<T>();
  }
}

template <class T>
inline constexpr category category_of = classify<T>();

}  // namespace detail
}  // namespace modal
