// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/pfr/core.hpp>
#include <boost/pfr/tuple_size.hpp>
#include <boost/preprocessor/cat.hpp>
#include <boost/preprocessor/repetition/enum_params.hpp>
#include <boost/preprocessor/repetition/repeat.hpp>
#include <boost/preprocessor/repetition/repeat_from_to.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>

/// @file
/// Which aggregates Boost.PFR cannot take apart: those with base classes or C arrays, whose
/// initialisers are no list of their members, and those with bit-fields.

namespace modal::detail {

/// Converts to the base classes of T, and to nothing else.
template <class T>
struct any_base_of {
  template <class Base>
  requires(std::is_base_of_v<Base, T> && !std::is_same_v<Base, T>) operator Base&()
      const;  // NOLINT(google-explicit-constructor)
};

template <class T>
inline constexpr bool has_base_class = requires {
  T{any_base_of<T>()};
};

template <bool MayCopy>
struct any_value {
  std::size_t place;
  template <class T>
  operator T&() const;  // NOLINT(google-explicit-constructor)
};
template <>
struct any_value<false> {
  std::size_t place;
  template <class T>
  operator T&&() const;  // NOLINT(google-explicit-constructor)
};

// The usual answer, for a few instantiations: as many members as initialisers, each of them
// default-constructible. No, of more than 16, only where there are fewer than 16 members.
template <class T, std::size_t Count>
consteval bool takes_empty_initializers() {
  if constexpr (Count == 0)
    return true;
  else if constexpr (Count == 1)
    return requires { T{{}}; };
  else if constexpr (Count == 2)
    return requires { T{{}, {}}; };
  else if constexpr (Count == 3)
    return requires { T{{}, {}, {}}; };
  else if constexpr (Count == 4)
    return requires { T{{}, {}, {}, {}}; };
  else if constexpr (Count == 5)
    return requires { T{{}, {}, {}, {}, {}}; };
  else if constexpr (Count < 8)
    return requires { T{{}, {}, {}, {}, {}, {}}; };
  else if constexpr (Count < 12)
    return requires { T{{}, {}, {}, {}, {}, {}, {}, {}}; };
  else if constexpr (Count < 16)
    return requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; };
  else
    return requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; };
}

// A list in braces stands for all elements of an array, and leaves fewer initialisers for the rest.
template <class T, std::size_t... Before, std::size_t... After>
consteval bool is_array_at(std::index_sequence<Before...>, std::index_sequence<After...>) {
  using any = any_value<std::is_copy_constructible_v<T>>;
  return requires { T{any{Before}..., any{0}, any{After}...}; }
  &&requires { T{any{Before}..., {any{0}, any{0}}}; }
  &&!requires { T{any{Before}..., {any{0}, any{0}}, any{After}...}; };
}

/// Whether a member of the aggregate T is a C array of two elements or more.
template <class T>
consteval bool has_c_array() {
  constexpr std::size_t count = boost::pfr::tuple_size_v<T>;
  if constexpr (takes_empty_initializers<T, count>())
    return false;
  else
    return []<std::size_t... I>(std::index_sequence<I...>) {
      return (is_array_at<T>(std::make_index_sequence<I>(),
                             std::make_index_sequence<count - I - 1>()) ||
              ...);
    }
  (std::make_index_sequence<count>());
}

template <class T>
void refer_to(T&);

#define MODAL_DETAIL_REFERS(z, index, unused) \
  &&requires { refer_to(BOOST_PP_CAT(member, index)); }
#define MODAL_DETAIL_LOOK(z, index, unused)                                          \
  if constexpr (Count == index) {                                                    \
    auto& [BOOST_PP_ENUM_PARAMS(index, member)] = value;                             \
    return std::bool_constant<true BOOST_PP_REPEAT(index, MODAL_DETAIL_REFERS, )>(); \
  } else

// Nothing refers to a bit-field, and Boost.PFR to every member.
template <std::size_t Count, class T>
auto look_at_members(T& value) {
  BOOST_PP_REPEAT_FROM_TO(1, 33, MODAL_DETAIL_LOOK, )
  return std::true_type();
}

#undef MODAL_DETAIL_LOOK
#undef MODAL_DETAIL_REFERS

/// Whether one of the first 32 members of the aggregate T, which has no C array, is a bit-field.
template <class T>
inline constexpr bool has_bit_field =
    !decltype(look_at_members<boost::pfr::tuple_size_v<T>>(std::declval<T&>()))::value;

/// Refuses aggregates whose members cannot be told apart.
template <class T>
consteval void check_plain() {
  static_assert(!has_base_class<T>,
                "modal: the members of an aggregate with a base class are not all its own: list "
                "them with MODAL_FIELDS, those of the base too, or give it a cereal serialize()");
  if constexpr (!has_base_class<T> && !std::is_empty_v<T>) {
    static_assert(!has_c_array<T>(),
                  "modal: the members of an aggregate with a C array cannot be told apart: use "
                  "std::array, or list them with MODAL_FIELDS");
    if constexpr (!has_c_array<T>())
      static_assert(!has_bit_field<T>,
                    "modal: nothing can refer to a bit-field of an aggregate: use whole integers, "
                    "or give it a cereal save() and load() that copy them");
  }
}

}  // namespace modal::detail
