// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/detail/for_each.hpp>
#include <modal/wire/classify.hpp>

#include <array>
#include <string_view>
#include <utility>

/// Lists the fields of a struct, in the order in which they are written; what is not listed stays
/// here. In JSON the struct is an object with these members, in the signature the names stand
/// beside the types. Used in the name space of `type`, after its definition. Goes before a cereal
/// function of the same type.
///
///     struct extent { int width, height; };
///     MODAL_FIELDS(extent, width, height)
#define MODAL_FIELDS(type, ...)                                                      \
  MODAL_DETAIL_OFFSETS_BEGIN                                                         \
  template <class Visitor>                                                           \
  constexpr auto modal_fields(const type*, Visitor&& visitor) {                      \
    return visitor(MODAL_DETAIL_LIST(MODAL_DETAIL_LISTED_FIELD, type, __VA_ARGS__)); \
  }                                                                                  \
  MODAL_DETAIL_OFFSETS_END                                                           \
  static_assert(::modal::detail::has_listed_fields<type>,                            \
                "modal: MODAL_FIELDS stands in the name space of the type, right after it");

/// Lists the enumerators of an enumeration: only these are accepted from the wire, and JSON has
/// their names. Used in the name space of `type`, after its definition.
///
///     enum class mode { fast, exact };
///     MODAL_ENUM(mode, fast, exact)
#define MODAL_ENUM(type, ...)                                                         \
  constexpr auto modal_enumerators(type*) noexcept {                                  \
    return std::array{MODAL_DETAIL_LIST(MODAL_DETAIL_ENUMERATOR, type, __VA_ARGS__)}; \
  }                                                                                   \
  static_assert(::modal::enumerators<type>::declared,                                 \
                "modal: MODAL_ENUM stands in the name space of the type, right after it");

#define MODAL_DETAIL_LISTED_FIELD(type, field)                 \
  ::modal::detail::listed_field<type, decltype(type::field)> { \
    &type::field, __builtin_offsetof(type, field), #field      \
  }
// Compilers know the offsets of all members that are not of virtual bases, and warn that the
// standard promises them for fewer.
#define MODAL_DETAIL_OFFSETS_BEGIN \
  _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Winvalid-offsetof\"")
#define MODAL_DETAIL_OFFSETS_END _Pragma("GCC diagnostic pop")
#define MODAL_DETAIL_ENUMERATOR(type, name) \
  std::pair<type, std::string_view> { type::name, #name }
