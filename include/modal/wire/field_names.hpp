// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/pfr/core.hpp>
#include <boost/pfr/tuple_size.hpp>

#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

/// @file
/// The names of a plain aggregate's members, as they stand in its declaration. Boost.PFR has them
/// from 1.84 only, and finds them in the same way: the compiler spells the address of a member,
/// which is a template argument, in the name of a function:
///
///     GCC    … place<const int*>{(& nowhere<extent>.never_made<extent>::value.extent::width)}]
///     Clang  … place<const int *>{&nowhere.value.width}]

namespace modal::detail {

// A T need not be default-constructible, nor its members: nothing of it is ever made.
template <class T>
struct never_made {
  T value;
};

#ifdef __clang__
#pragma clang diagnostic push
// That it is defined nowhere is meant: its members have addresses, and nobody goes there.
#pragma clang diagnostic ignored "-Wundefined-var-template"
#pragma clang diagnostic ignored "-Wundefined-internal"
#endif

template <class T>
extern const never_made<T> nowhere;

// Clang spells a bare pointer that is a template argument without the member.
template <class Pointer>
struct place {
  Pointer pointer;
};

// A function of its own, as nvcc takes no such expression for a template argument.
template <class T, std::size_t I>
consteval auto place_of_field() {
  using pointer = decltype(&boost::pfr::get<I>(nowhere<T>.value));
  return place<pointer>{&boost::pfr::get<I>(nowhere<T>.value)};
}

template <auto Place>
consteval const char* spell_place() {
  return __PRETTY_FUNCTION__;
}

/// Returns the identifier at the end of what the compiler spells, or nothing if there is none.
constexpr std::string_view last_identifier(std::string_view spelt) noexcept {
  const auto belongs = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '$' || static_cast<unsigned char>(c) >= 0x80;
  };
  std::size_t end = spelt.size();
  while (end > 0 && !belongs(spelt[end - 1])) --end;
  std::size_t begin = end;
  while (begin > 0 && belongs(spelt[begin - 1])) --begin;
  if (begin < end && spelt[begin] >= '0' && spelt[begin] <= '9') return {};
  return spelt.substr(begin, end - begin);
}

template <class T, std::size_t... I>
consteval auto find_field_names(std::index_sequence<I...>) {
  return std::array<std::string_view, sizeof...(I)>{
      last_identifier(spell_place<place_of_field<T, I>()>())...};
}

#ifdef __clang__
#pragma clang diagnostic pop
#endif

/// The names of the members of the aggregate `T`, in the order of their declaration.
/// **Lifetime**: of the program.
template <class T>
inline constexpr auto field_names =
    find_field_names<T>(std::make_index_sequence<boost::pfr::tuple_size_v<T>>{});

}  // namespace modal::detail
