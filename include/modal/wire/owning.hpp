// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/wire/archive_facade.hpp>
#include <modal/wire/fields.hpp>

/// @file
/// Refuses results that have a view inside: what it refers to ends with the call, at both ends.

namespace modal::detail {

template <class T>
void refuse_views();

/// An archive that is compiled and never run, to learn the types of the fields that a cereal
/// function visits.
class owning_archive : public archive_facade<owning_archive, cereal::detail::OutputArchiveBase> {
 public:
  using is_saving = std::true_type;
  using is_loading = std::false_type;

  template <class T>
  void value(const T&) {
    refuse_views<T>();
  }
  void name(const char*) noexcept {}
  void count(std::size_t) noexcept {}
  void raw(const void*, std::size_t) noexcept {}
};

/// Does nothing. Compiles only where each part of a T owns what it is made of.
template <class T>
void refuse_views() {
  constexpr category what = category_of<T>;
  static_assert(what != category::span && !std::is_same_v<T, std::string_view>,
                "modal: a result must own what is inside of it, as what a std::string_view or "
                "std::span refers to ends with the call: use std::string or std::vector there");
  static_assert(
      !requires { typename T::views_elsewhere; },
      "modal: a result must own its device memory: use device_vector instead of "
      "device_span there");
  if constexpr (is_bitwise<T>) {
    return;
  } else if constexpr (what == category::sequence || what == category::set ||
                       what == category::optional) {
    refuse_views<std::remove_cv_t<typename T::value_type>>();
  } else if constexpr (what == category::map) {
    refuse_views<typename T::key_type>();
    refuse_views<typename T::mapped_type>();
  } else if constexpr (what == category::array) {
    refuse_views<typename array_traits<T>::element>();
  } else if constexpr (what == category::pointer) {
    refuse_views<typename T::element_type>();
  } else if constexpr (what == category::adaptor) {
    refuse_views<typename T::container_type>();
  } else if constexpr (what == category::variant || what == category::tuple) {
    []<template <class...> class Several, class... Part>(std::type_identity<Several<Part...>>) {
      (refuse_views<std::remove_cv_t<Part>>(), ...);
    }(std::type_identity<T>());
  } else if constexpr (what == category::structure) {
    if constexpr (field_source_of<T> != field_source::none) {
      void (*compiled)(owning_archive&, const T&) = &visit_fields<owning_archive, const T>;
      static_cast<void>(compiled);
    }
  }
}

}  // namespace modal::detail
