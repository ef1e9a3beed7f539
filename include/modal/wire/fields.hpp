// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/wire/flat.hpp>

/// @file
/// Visits the fields of users' types: those that `MODAL_FIELDS` lists; or by the function that
/// cereal would call; or, of any other aggregate, member by member through Boost.PFR.

namespace modal::detail {

/// An archive that wants to know the names of plain aggregates' members, each before its value.
template <class Archive>
concept takes_field_names = requires(Archive& archive) {
  archive.field_name(std::string_view());
};

template <class Archive, class T>
void visit_field(Archive& archive, std::string_view name, T& field) {
  if constexpr (takes_field_names<Archive>) archive.field_name(name);
  archive(field);
}

/// Calls `archive(field)` for each field of `value`.
template <class Archive, class T>
void visit_fields(Archive& archive, T& value) {
  using element = std::remove_const_t<T>;
  constexpr field_source source = field_source_of<element>;
  constexpr bool saving = Archive::is_saving::value;
  auto& writable = const_cast<element&>(value);  // serialize() is not const, even when it saves
  if constexpr (source == field_source::member_serialize) {
    cereal::access::member_serialize(archive, writable);
  } else if constexpr (source == field_source::free_serialize) {
    CEREAL_SERIALIZE_FUNCTION_NAME(archive, writable);
  } else if constexpr (source == field_source::member_split) {
    if constexpr (saving)
      cereal::access::member_save(archive, value);
    else
      cereal::access::member_load(archive, value);
  } else if constexpr (source == field_source::free_split) {
    if constexpr (saving)
      CEREAL_SAVE_FUNCTION_NAME(archive, value);
    else
      CEREAL_LOAD_FUNCTION_NAME(archive, value);
  } else if constexpr (source == field_source::member_minimal) {
    using minimal = decltype(cereal::access::member_save_minimal(std::declval<output_archive&>(),
                                                                 std::declval<const element&>()));
    if constexpr (saving) {
      const minimal stored = cereal::access::member_save_minimal(archive, value);
      archive(stored);
    } else {
      std::remove_cvref_t<minimal> stored{};
      archive(stored);
      cereal::access::member_load_minimal(archive, value, stored);
    }
  } else if constexpr (source == field_source::free_minimal) {
    using minimal = decltype(CEREAL_SAVE_MINIMAL_FUNCTION_NAME(std::declval<output_archive&>(),
                                                               std::declval<const element&>()));
    if constexpr (saving) {
      const minimal stored = CEREAL_SAVE_MINIMAL_FUNCTION_NAME(archive, value);
      archive(stored);
    } else {
      std::remove_cvref_t<minimal> stored{};
      archive(stored);
      CEREAL_LOAD_MINIMAL_FUNCTION_NAME(archive, value, stored);
    }
  } else if constexpr (source == field_source::listed) {
    modal_fields(static_cast<const element*>(nullptr), [&](const auto&... field) {
      (visit_field(archive, field.name, value.*field.place), ...);
    });
  } else if constexpr (source == field_source::plain) {
    if constexpr (!std::is_empty_v<element>)
      boost::pfr::for_each_field(value, [&archive](auto& field, auto index) {
        visit_field(archive, field_names<element>[decltype(index)::value], field);
      });
  } else {
    static_assert(always_false<T>,
                  "modal: this class has no fields that modal can see: make it a plain aggregate, "
                  "list its fields with MODAL_FIELDS(type, …), or give it a cereal serialize()");
  }
}

}  // namespace modal::detail
