// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/wire/archive_facade.hpp>
#include <modal/wire/containers.hpp>
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

/// An archive that notes the type and the name of each field.
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
  void field_name(std::string_view text) { name_ = text; }
  void count(std::size_t) { add({.kind = kind::integer, .bytes = 8}); }
  void raw(const void*, std::size_t size) { add({.kind = kind::blob, .count = size}); }

 private:
  void add(schema part) {
    shape_.parts.push_back(std::move(part));
    shape_.labels.push_back(std::exchange(name_, {}));
  }

  schema& shape_;
  schema_path& path_;
  std::string name_;
};

/// Adds the fields that are known by their types alone; of nothing a value is needed.
template <class T>
void add_fields(schema& shape, schema_path& path) {
  const auto add = [&]<class Field>(std::string_view name, std::type_identity<Field>) {
    shape.parts.push_back(make_schema<std::remove_cv_t<Field>>(path));
    shape.labels.emplace_back(name);
  };
  if constexpr (field_source_of<T> == field_source::listed) {
    modal_fields(static_cast<const T*>(nullptr),
                 [&]<class Struct, class... Field>(const listed_field<Struct, Field>&... field) {
                   (add(field.name, std::type_identity<Field>()), ...);
                 });
  } else if constexpr (!std::is_empty_v<T>) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (add(field_names<T>[I], std::type_identity<boost::pfr::tuple_element_t<I, T>>()), ...);
    }
    (std::make_index_sequence<boost::pfr::tuple_size_v<T>>());
  }
}

/// Whether a range of T is sent otherwise than its fields' types let a reader expect: because of
/// `alignas`, packing, `enable_bitwise`, or fields that are not all listed in their order.
template <class T>
inline constexpr bool has_odd_layout = is_bitwise<T> != layout_of<T>.is_flat ||
                                       (is_bitwise<T> && (sizeof(T) != layout_of<T>.size ||
                                                          alignof(T) != layout_of<T>.alignment));

template <class T>
schema make_structure_schema(schema_path& path) {
  schema shape{.kind = kind::structure, .name = std::string(unqualified_type_name<T>())};
  for (const void* outer : path) {
    if (outer != &type_identity<T>) continue;
    shape.kind = kind::recursion;
    return shape;
  }
  path.push_back(&type_identity<T>);
  shape.by_function = is_function(field_source_of<T>);
  if constexpr (has_odd_layout<T>) {
    shape.layout = "#";
    if (is_bitwise<T>) shape.layout += std::to_string(sizeof(T)) + "/" + std::to_string(alignof(T));
  }
  if constexpr (is_function(field_source_of<T>)) {
    schema_archive archive(shape, path);
    // On the heap, as the constructor may be cereal's alone to call.
    const std::unique_ptr<const T> example(cereal::access::construct<T>());
    visit_fields(archive, *example);
  } else {
    add_fields<T>(shape, path);
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
  } else if constexpr (what == category::elsewhere) {
    return make_list_schema<typename T::value_type>(kind::list, path);
  } else if constexpr (what == category::tensor) {
    return {.kind = kind::tensor,
            .count = T::rank,
            .parts = {make_schema<typename T::value_type>(path)}};
  } else if constexpr (what == category::set) {
    auto shape = make_list_schema<typename T::key_type>(kind::set, path);
    shape.repeats = !has_unique_keys<T>;
    return shape;
  } else if constexpr (what == category::array) {
    return {.kind = kind::array,
            .count = array_traits<T>::count,
            .parts = {make_schema<typename array_traits<T>::element>(path)}};
  } else if constexpr (what == category::adaptor) {
    return make_schema<typename T::container_type>(path);
  } else if constexpr (what == category::bits) {
    return {.kind = kind::bits, .count = T().size()};
  } else if constexpr (what == category::atomic) {
    return make_schema<typename T::value_type>(path);
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
