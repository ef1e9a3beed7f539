// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/wire/fields.hpp>
#include <modal/wire/input_archive.hpp>
#include <modal/wire/output_archive.hpp>
#include <modal/wire/schema.hpp>
#include <modal/wire/type_name.hpp>

/// @file
/// Builds the `schema` of a type from the same traits that the archives use. Fields of types with a
/// cereal function are found by running it on a default-constructed object.

namespace modal::detail {

/// The structures whose schema is being built, outermost first: meeting one again is a recursion.
using schema_path = std::vector<const void*>;

template <class T>
inline constexpr char type_identity = 0;

template <class T>
schema make_schema(schema_path& path);

/// A cereal output archive that notes the type and the name of each field.
class schema_archive : public archive_facade<schema_archive, cereal::detail::OutputArchiveBase> {
 public:
  using is_saving = std::true_type;
  using is_loading = std::false_type;

  schema_archive(schema& shape, schema_path& path) noexcept : shape_(shape), path_(path) {}

  template <class T>
  void value(const T&) {
    add(make_schema<T>(path_));
  }
  void name(const char* text) { name_ = text; }
  void count(std::size_t) { add({.kind = kind::integer, .bytes = 8}); }
  void raw(const void*, std::size_t size) {
    add({.kind = kind::array, .count = size, .parts = {{.kind = kind::integer, .bytes = 1}}});
  }

 private:
  void add(schema part) {
    shape_.parts.push_back(std::move(part));
    shape_.labels.push_back(std::exchange(name_, {}));
  }

  schema& shape_;
  schema_path& path_;
  std::string name_;
};

template <class T, std::size_t... I>
void add_plain_fields(schema& shape, schema_path& path, std::index_sequence<I...>) {
  (shape.parts.push_back(make_schema<std::remove_cv_t<boost::pfr::tuple_element_t<I, T>>>(path)),
   ...);
  shape.labels.resize(sizeof...(I));
  shape.members.assign(field_names<T>.begin(), field_names<T>.end());
}

template <class T>
schema make_structure_schema(schema_path& path) {
  schema shape{.kind = kind::structure, .name = std::string(unqualified_type_name<T>())};
  for (const void* outer : path) {
    if (outer != &type_identity<T>) continue;
    shape.kind = kind::recursion;
    return shape;
  }
  path.push_back(&type_identity<T>);
  if constexpr (field_source_of<T> == field_source::plain) {
    if constexpr (!std::is_empty_v<T>)
      add_plain_fields<T>(shape, path, std::make_index_sequence<boost::pfr::tuple_size_v<T>>{});
  } else {
    static_assert(std::is_default_constructible_v<T>,
                  "modal: a type with a cereal function must have a default constructor");
    schema_archive archive(shape, path);
    T example{};
    visit_fields(archive, std::as_const(example));
  }
  path.pop_back();
  return shape;
}

template <class E>
schema make_enumeration_schema() {
  using number = std::underlying_type_t<E>;
  schema shape{.kind = kind::enumeration,
               .bytes = sizeof(number),
               .is_signed = std::is_signed_v<number>,
               .name = std::string(unqualified_type_name<E>())};
  if constexpr (enumerators<E>::declared) {
    for (const auto& [value, label] : enumerators<E>::list) {
      shape.values.push_back(static_cast<std::int64_t>(value));
      shape.labels.emplace_back(label);
    }
  }
  return shape;
}

template <class T>
schema make_list_schema(kind what, schema_path& path) {
  if constexpr (std::is_same_v<T, std::byte> || std::is_same_v<T, std::uint8_t>) {
    if (what == kind::list) return {.kind = kind::blob};
  }
  return {.kind = what, .parts = {make_schema<T>(path)}};
}

template <class T>
schema make_schema(schema_path& path) {
  constexpr category what = category_of<T>;
  if constexpr (what == category::boolean) {
    return {.kind = kind::boolean, .bytes = 1};
  } else if constexpr (what == category::integer) {
    return {.kind = kind::integer, .bytes = sizeof(T), .is_signed = std::is_signed_v<T>};
  } else if constexpr (what == category::byte) {
    return {.kind = kind::integer, .bytes = 1};
  } else if constexpr (what == category::floating) {
    return {.kind = kind::floating, .bytes = sizeof(T)};
  } else if constexpr (what == category::enumeration) {
    return make_enumeration_schema<T>();
  } else if constexpr (what == category::text) {
    return {.kind = kind::text};
  } else if constexpr (what == category::sequence) {
    return make_list_schema<typename T::value_type>(kind::list, path);
  } else if constexpr (what == category::span) {
    return make_list_schema<std::remove_const_t<typename T::element_type>>(kind::list, path);
  } else if constexpr (what == category::set) {
    auto shape = make_list_schema<typename T::key_type>(kind::set, path);
    shape.repeats = !has_unique_keys<T>;
    return shape;
  } else if constexpr (what == category::array) {
    return {.kind = kind::array,
            .count = std::tuple_size_v<T>,
            .parts = {make_schema<typename T::value_type>(path)}};
  } else if constexpr (what == category::map) {
    return {.kind = kind::map,
            .parts = {make_schema<typename T::key_type>(path),
                      make_schema<typename T::mapped_type>(path)},
            .repeats = !has_unique_keys<T>};
  } else if constexpr (what == category::optional) {
    return {.kind = kind::optional, .parts = {make_schema<typename T::value_type>(path)}};
  } else if constexpr (what == category::pointer) {
    return {.kind = kind::optional, .parts = {make_schema<typename T::element_type>(path)}};
  } else if constexpr (what == category::variant) {
    return [&]<class... Part>(std::type_identity<std::variant<Part...>>) {
      return schema{.kind = kind::variant, .parts = {make_schema<Part>(path)...}};
    }(std::type_identity<T>{});
  } else if constexpr (what == category::tuple) {
    return [&]<template <class...> class Tuple, class... Part>(std::type_identity<Tuple<Part...>>) {
      return schema{.kind = kind::tuple, .parts = {make_schema<std::remove_cv_t<Part>>(path)...}};
    }(std::type_identity<T>{});
  } else if constexpr (what == category::monostate) {
    return {.kind = kind::tuple};
  } else if constexpr (what == category::complex) {
    return {.kind = kind::array, .count = 2, .parts = {make_schema<typename T::value_type>(path)}};
  } else if constexpr (what == category::period) {
    return {.kind = kind::period,
            .numerator = T::period::num,
            .denominator = T::period::den,
            .parts = {make_schema<typename T::rep>(path)}};
  } else if constexpr (what == category::instant) {
    auto shape = make_schema<typename T::duration>(path);
    shape.kind = kind::instant;
    return shape;
  } else {
    return make_structure_schema<T>(path);
  }
}

/// Returns the schema of `T`, or of nothing for `void`.
template <class T>
schema make_schema() {
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    schema_path path;
    return make_schema<T>(path);
  }
}

}  // namespace modal::detail
