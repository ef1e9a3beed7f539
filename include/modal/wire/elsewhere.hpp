// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/wire/archive_facade.hpp>
#include <modal/wire/containers.hpp>
#include <modal/wire/fields.hpp>

/// @file
/// Finds the arrays in a value whose elements lie *elsewhere*: in memory of a device. They are read
/// and written as lists; whoever has read one is to bring its elements to where they belong, and
/// who writes one has brought them here before.

namespace modal::detail {

/// @tparam Path the structures that T is in, outermost first: one that holds its own kind again
/// holds nothing new.
template <class T, class... Path>
consteval bool find_elsewhere();

/// Whether there are, or may be, arrays elsewhere in a T.
template <class T>
inline constexpr bool holds_elsewhere = find_elsewhere<T>();

/// An archive that is compiled and never run: refuses what a user's own function must not visit.
class elsewhere_refusal
    : public archive_facade<elsewhere_refusal, cereal::detail::OutputArchiveBase> {
 public:
  using is_saving = std::true_type;
  using is_loading = std::false_type;

  template <class T>
  void value(const T&) {
    static_assert(category_of<T> != category::elsewhere && category_of<T> != category::tensor,
                  "modal: device memory inside of a type with a cereal function cannot be found: "
                  "make the type a plain aggregate, or list its fields with MODAL_FIELDS");
  }
  void name(const char*) noexcept {}
  void count(std::size_t) noexcept {}
  void raw(const void*, std::size_t) noexcept {}
};

template <class... Path>
struct elsewhere_finder {
  template <class Struct, class... Field>
  constexpr bool operator()(const listed_field<Struct, Field>&...) const {
    return (find_elsewhere<std::remove_cv_t<Field>, Path...>() || ...);
  }
};

template <class T, class... Path>
consteval bool find_elsewhere_in_fields() {
  if constexpr ((std::is_same_v<T, Path> || ...)) {
    return false;
  } else if constexpr (field_source_of<T> == field_source::listed) {
    return modal_fields(static_cast<const T*>(nullptr), elsewhere_finder<Path..., T>());
  } else if constexpr (field_source_of<T> == field_source::plain && !std::is_empty_v<T>) {
    return []<std::size_t... I>(std::index_sequence<I...>) {
      return (find_elsewhere<std::remove_cv_t<boost::pfr::tuple_element_t<I, T>>, Path..., T>() ||
              ...);
    }
    (std::make_index_sequence<boost::pfr::tuple_size_v<T>>());
  } else {
    if constexpr (is_function(field_source_of<T>)) {
      void (*compiled)(elsewhere_refusal&, const T&) = &visit_fields<elsewhere_refusal, const T>;
      static_cast<void>(compiled);
    }
    return false;
  }
}

template <class T, class... Path>
consteval bool find_elsewhere() {
  constexpr category what = category_of<T>;
  if constexpr (what == category::elsewhere || what == category::tensor) {
    return true;
  } else if constexpr (is_bitwise<T>) {
    return false;
  } else if constexpr (what == category::sequence || what == category::optional) {
    return find_elsewhere<std::remove_cv_t<typename T::value_type>, Path...>();
  } else if constexpr (what == category::set || what == category::adaptor) {
    static_assert(!find_elsewhere<typename T::value_type, Path...>(),
                  "modal: device memory inside of a set, a queue or a stack cannot be found: use a "
                  "std::vector");
    return false;
  } else if constexpr (what == category::map) {
    static_assert(!find_elsewhere<typename T::key_type, Path...>(),
                  "modal: the key of a map cannot be device memory");
    return find_elsewhere<typename T::mapped_type, Path...>();
  } else if constexpr (what == category::array) {
    return find_elsewhere<typename array_traits<T>::element, Path...>();
  } else if constexpr (what == category::pointer) {
    return find_elsewhere<typename T::element_type, Path...>();
  } else if constexpr (what == category::variant || what == category::tuple) {
    return
        []<template <class...> class Several, class... Part>(std::type_identity<Several<Part...>>) {
          return (find_elsewhere<std::remove_cv_t<Part>, Path...>() || ...);
        }(std::type_identity<T>());
  } else if constexpr (what == category::structure) {
    return find_elsewhere_in_fields<T, Path...>();
  } else {
    return false;
  }
}

/// Calls `visit(array)` for each array elsewhere in `value`.
template <class T, class Visit>
void visit_elsewhere(T& value, Visit&& visit);

template <class Visit>
struct elsewhere_visitor {
  Visit& visit;
  template <class T>
  void operator()(T& field) {
    visit_elsewhere(field, visit);
  }
  using is_saving = std::false_type;
};

template <class T, class Visit>
void visit_elsewhere(T& value, Visit&& visit) {
  constexpr category what = category_of<T>;
  if constexpr (!holds_elsewhere<T>) {
    return;
  } else if constexpr (what == category::elsewhere || what == category::tensor) {
    if constexpr (requires { value.elements(); })
      visit(value.elements());  // what a tensor owns
    else
      visit(value);
  } else if constexpr (what == category::sequence || what == category::array) {
    for (auto& each : value) visit_elsewhere(each, visit);
  } else if constexpr (what == category::map) {
    for (auto& [key, each] : value) visit_elsewhere(each, visit);
  } else if constexpr (what == category::optional || what == category::pointer) {
    if (value) visit_elsewhere(*value, visit);
  } else if constexpr (what == category::variant) {
    std::visit([&](auto& each) { visit_elsewhere(each, visit); }, value);
  } else if constexpr (what == category::tuple) {
    std::apply([&](auto&... each) { (visit_elsewhere(each, visit), ...); }, value);
  } else {
    elsewhere_visitor<std::remove_reference_t<Visit>> fields{visit};
    visit_fields(fields, value);
  }
}

}  // namespace modal::detail
