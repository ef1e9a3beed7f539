// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/detail/for_each.hpp>

#include <cereal/cereal.hpp>

#include <array>
#include <string_view>
#include <utility>

/// Lists the fields of a struct, with their names: in JSON the struct is an object with these
/// members, in the signature the names stand beside the types. Used in the name space of `type`,
/// after its definition. A cereal `serialize` for the same type would be ambiguous.
///
///     struct extent { int width, height; };
///     MODAL_FIELDS(extent, width, height)
#define MODAL_FIELDS(type, ...)                                               \
  template <class Archive>                                                    \
  void serialize(Archive& archive, type& value) {                             \
    archive(MODAL_DETAIL_LIST(MODAL_DETAIL_NAMED_FIELD, value, __VA_ARGS__)); \
  }

/// Lists the enumerators of an enumeration: only these are accepted from the wire, and JSON has
/// their names. Used in the name space of `type`, after its definition.
///
///     enum class mode { fast, exact };
///     MODAL_ENUM(mode, fast, exact)
#define MODAL_ENUM(type, ...)                                                         \
  constexpr auto modal_enumerators(type*) noexcept {                                  \
    return std::array{MODAL_DETAIL_LIST(MODAL_DETAIL_ENUMERATOR, type, __VA_ARGS__)}; \
  }

#define MODAL_DETAIL_NAMED_FIELD(value, field) ::cereal::make_nvp(#field, value.field)
#define MODAL_DETAIL_ENUMERATOR(type, name) \
  std::pair<type, std::string_view> { type::name, #name }
