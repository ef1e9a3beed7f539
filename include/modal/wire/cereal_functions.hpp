// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cereal/cereal.hpp>

#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

/// @file
/// Which function cereal would call for a user's type: its rules decide, `cereal::specialize`
/// among them, so that a type means the same here as with cereal's own archives.

namespace cereal {

/// A base of modal's archives. It makes this name space one of those that calls with an archive
/// are looked up in: here cereal's users write the functions of types that are not theirs.
struct modal_archive {};

}  // namespace cereal

namespace modal {
class output_archive;
class input_archive;
}  // namespace modal

CEREAL_SETUP_ARCHIVE_TRAITS(modal::input_archive, modal::output_archive)

namespace modal::detail {

template <class T>
inline constexpr bool always_false = false;

/// Who writes and reads the fields of a user's type.
enum class field_source : std::uint8_t {
  none,
  member_serialize,
  free_serialize,
  member_split,
  free_split,
  member_minimal,
  free_minimal,
  listed,  ///< MODAL_FIELDS
  plain,   ///< an aggregate; Boost.PFR counts its members
};

/// Where the source is one of cereal's functions, which may do anything.
constexpr bool is_function(field_source source) noexcept {
  return source != field_source::none && source != field_source::listed &&
         source != field_source::plain;
}

template <class T>
consteval void refuse_versions() {
  namespace ct = cereal::traits;
  using out = output_archive;
  static_assert(!ct::has_member_versioned_serialize<T, out>::value &&
                    !ct::has_non_member_versioned_serialize<T, out>::value &&
                    !ct::has_member_versioned_save<T, out>::value &&
                    !ct::has_non_member_versioned_save<T, out>::value &&
                    !ct::has_member_versioned_save_minimal<T, out>::value &&
                    !ct::has_non_member_versioned_save_minimal<T, out>::value,
                "modal: cereal's class versions are not supported; the function's signature is the "
                "version: change the function's name, or add a field of your own");
}

template <class T>
consteval field_source find_cereal_function() {
  namespace ct = cereal::traits;
  using out = output_archive;
  using in = input_archive;
  if constexpr (ct::is_specialized<T, out>::value) {
    static_assert(ct::is_specialized<T, in>::value,
                  "modal: cereal::specialize is for the output archives only: make it for all");
    if constexpr (ct::is_specialized_member_serialize<T, out>::value)
      return field_source::member_serialize;
    else if constexpr (ct::is_specialized_non_member_serialize<T, out>::value)
      return field_source::free_serialize;
    else if constexpr (ct::is_specialized_member_save<T, out>::value)
      return field_source::member_split;
    else if constexpr (ct::is_specialized_non_member_save<T, out>::value)
      return field_source::free_split;
    else if constexpr (ct::is_specialized_member_save_minimal<T, out>::value)
      return field_source::member_minimal;
    else
      return field_source::free_minimal;
  } else {
    refuse_versions<T>();
    constexpr bool member_serialize = ct::has_member_serialize<T, out>::value;
    constexpr bool free_serialize = ct::has_non_member_serialize<T, out>::value;
    constexpr bool member_save = ct::has_member_save<T, out>::value;
    constexpr bool free_save = ct::has_non_member_save<T, out>::value;
    constexpr bool member_minimal = ct::has_member_save_minimal<T, out>::value;
    constexpr bool free_minimal = ct::has_non_member_save_minimal<T, out>::value;
    static_assert(member_serialize + free_serialize + member_save + free_save + member_minimal +
                          free_minimal <=
                      1,
                  "modal: cereal finds more than one function for this type (an inherited one "
                  "counts): say which with cereal::specialize");
    static_assert((!member_save || ct::has_member_load<T, in>::value) &&
                      (!free_save || ct::has_non_member_load<T, in>::value) &&
                      (!member_minimal || ct::has_member_load_minimal<T, in>::value) &&
                      (!free_minimal || ct::has_non_member_load_minimal<T, in>::value),
                  "modal: this type has a save() for cereal, and no load() that matches");
    if (member_serialize) return field_source::member_serialize;
    if (free_serialize) return field_source::free_serialize;
    if (member_save) return field_source::member_split;
    if (free_save) return field_source::free_split;
    if (member_minimal) return field_source::member_minimal;
    if (free_minimal) return field_source::free_minimal;
    return field_source::none;
  }
}

template <template <class...> class Container, class... A>
std::true_type is_made_of(const Container<A...>*);

template <class T, template <class...> class... Container>
inline constexpr bool derives_from_any = (requires(const T* each) {
  is_made_of<Container>(each);
} || ...);

template <class T>
inline constexpr bool derives_from_container =
    derives_from_any<T, std::vector, std::deque, std::list, std::set, std::multiset, std::map,
                     std::multimap, std::unordered_set, std::unordered_multiset, std::unordered_map,
                     std::unordered_multimap>;

/// Converts to T and to nothing else: calls that take it were declared for T itself.
template <class T>
struct exactly {
  operator T&();              // NOLINT(google-explicit-constructor)
  operator const T&() const;  // NOLINT(google-explicit-constructor)
};

template <class T>
concept has_free_function_of_its_own = requires(output_archive& out, exactly<T>& each,
                                                const exactly<T>& constant) {
  requires requires { CEREAL_SERIALIZE_FUNCTION_NAME(out, each); } || requires {
    CEREAL_SAVE_FUNCTION_NAME(out, constant);
  } || requires {
    CEREAL_SAVE_MINIMAL_FUNCTION_NAME(out, constant);
  };
};

/// Whether a user wrote a cereal function for this type, which has a meaning without one too: an
/// enumeration, or a class that looks like a container. cereal's own functions for enumerations and
/// for the standard container that a class derives from do not count.
template <class T>
consteval bool find_function_of_its_own() {
  namespace ct = cereal::traits;
  using out = output_archive;
  if constexpr (ct::is_specialized<T, out>::value || has_free_function_of_its_own<T>) {
    return true;
  } else if constexpr (std::is_class_v<T>) {
    if constexpr (ct::has_member_serialize<T, out>::value || ct::has_member_save<T, out>::value ||
                  ct::has_member_save_minimal<T, out>::value ||
                  ct::has_member_versioned_serialize<T, out>::value ||
                  ct::has_member_versioned_save<T, out>::value)
      return true;
    else if constexpr (!derives_from_container<T>)
      return ct::has_non_member_serialize<T, out>::value ||
             ct::has_non_member_save<T, out>::value ||
             ct::has_non_member_save_minimal<T, out>::value;
    else
      return false;
  } else {
    return false;
  }
}

template <class T>
inline constexpr bool has_function_of_its_own = find_function_of_its_own<T>();

/// Makes a T without arguments, also where only `cereal::access` may.
template <class T>
T make_default() {
  if constexpr (std::is_default_constructible_v<T>) {
    return T{};
  } else {
    static_assert(std::is_class_v<T>, "modal: a type that is received needs a default constructor");
    const std::unique_ptr<T> made(cereal::access::construct<T>());
    return std::move(*made);
  }
}

}  // namespace modal::detail
