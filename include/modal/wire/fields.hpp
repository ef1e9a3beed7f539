// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/wire/classify.hpp>
#include <modal/wire/field_names.hpp>

/// @file
/// Visits the fields of users' types. cereal's `serialize` (member or free), `save` + `load` and
/// their `_minimal` forms are used where they exist; any other aggregate is visited member by
/// member through Boost.PFR. What archives share, such as unwrapping cereal's name-value pairs, is
/// here.

namespace modal {

class output_archive;
class input_archive;

namespace detail {

template <class T>
consteval field_source find_field_source() {
  using out = output_archive;
  using in = input_archive;
  namespace ct = cereal::traits;
  using element = std::remove_cv_t<T>;
  static_assert(!ct::has_member_versioned_serialize<element, out>::value &&
                    !ct::has_non_member_versioned_serialize<element, out>::value &&
                    !ct::has_member_versioned_save<element, out>::value &&
                    !ct::has_non_member_versioned_save<element, out>::value,
                "modal: cereal's class versions are not supported; the function's signature is the "
                "version: change the function's name, or add a field of your own");
  if constexpr (ct::has_member_serialize<element, out>::value)
    return field_source::member_serialize;
  else if constexpr (ct::has_member_save<element, out>::value &&
                     ct::has_member_load<element, in>::value)
    return field_source::member_split;
  else if constexpr (ct::has_non_member_serialize<element, out>::value)
    return field_source::free_serialize;
  else if constexpr (ct::has_non_member_save<element, out>::value &&
                     ct::has_non_member_load<element, in>::value)
    return field_source::free_split;
  else if constexpr (ct::has_member_save_minimal<element, out>::value)
    return field_source::member_minimal;
  else if constexpr (ct::has_non_member_save_minimal<element, out>::value)
    return field_source::free_minimal;
  else if constexpr (std::is_aggregate_v<element>)
    return field_source::plain;
  else
    return field_source::none;
}

template <class T>
inline constexpr field_source field_source_of = find_field_source<T>();

template <class T, std::size_t... I>
consteval bool plain_fields_are_bitwise(std::index_sequence<I...>);

/// Returns whether a range of T may be sent as it lies in memory: every bit pattern is a value, and
/// the bytes are the same as if the fields were written one after the other.
template <class T>
consteval bool find_bitwise() {
  if constexpr (!std::is_trivially_copyable_v<T>) {
    return false;
  } else if constexpr (enable_bitwise<T>) {
    return true;
  } else if constexpr (integer<T> || floating<T> || std::is_same_v<T, std::byte>) {
    return true;
  } else if constexpr (is_std_array<T>) {
    return std::tuple_size_v<T> > 0 && find_bitwise<typename T::value_type>();
  } else if constexpr (is_a<T, std::complex>) {
    return true;
  } else if constexpr (is_a<T, std::chrono::duration>) {
    return find_bitwise<typename T::rep>();
  } else if constexpr (std::is_class_v<T> && std::is_aggregate_v<T> && !std::is_empty_v<T> &&
                       !is_span<T> && !std::is_polymorphic_v<T>) {
    if constexpr (category_of<T> == category::structure) {
      if constexpr (field_source_of<T> == field_source::plain)
        return plain_fields_are_bitwise<T>(std::make_index_sequence<boost::pfr::tuple_size_v<T>>{});
      else
        return false;
    } else {
      return false;
    }
  } else {
    return false;
  }
}

template <class T, std::size_t... I>
consteval bool plain_fields_are_bitwise(std::index_sequence<I...>) {
  constexpr std::size_t sum = (std::size_t{0} + ... + sizeof(boost::pfr::tuple_element_t<I, T>));
  return sum == sizeof(T) && (find_bitwise<boost::pfr::tuple_element_t<I, T>>() && ...);
}

template <class T>
inline constexpr bool is_bitwise = find_bitwise<T>();

/// Contiguous containers whose elements can be moved as one block.
template <class T>
concept bulk_range =
    has_value_type<T> && !is_std_array<T> && is_bitwise<typename T::value_type> && requires(T c) {
  c.data();
  c.size();
};

/// Bytes that one value takes on the wire at least; a count of values is checked against it.
template <class T>
consteval std::size_t min_wire_size() {
  constexpr category what = category_of<T>;
  if constexpr (is_bitwise<T>) {
    return sizeof(T);
  } else if constexpr (what == category::enumeration) {
    return sizeof(T);
  } else if constexpr (what == category::text || what == category::sequence ||
                       what == category::span || what == category::set || what == category::map) {
    return 8;
  } else if constexpr (what == category::variant) {
    return 4;
  } else if constexpr (what == category::array) {
    return std::tuple_size_v<T> == 0
               ? 1
               : std::tuple_size_v<T> * min_wire_size<typename T::value_type>();
  } else {
    return 1;
  }
}

/// Returns the key of an element of a set or map.
template <class T>
const typename T::key_type& key_of(const typename T::value_type& element) {
  if constexpr (map_like<T>)
    return element.first;
  else
    return element;
}

/// Whether a key that comes again is refused, unlike in a multiset or multimap.
template <associative T>
inline constexpr bool has_unique_keys =
    !std::is_same_v<decltype(std::declval<T&>().insert(std::declval<typename T::value_type>())),
                    typename T::iterator>;

/// Returns whether the hash table holds so many keys beside `key` in one bucket that somebody chose
/// them for that: chance makes chains of a few, and inserting n colliding keys costs n² steps.
template <class T>
bool is_flooded(const T& table, const typename T::key_type& key) {
  if constexpr (unordered<T>) {
    static_assert(has_unique_keys<T>,
                  "modal: unordered_multiset and unordered_multimap cannot be received: use the "
                  "ordered ones, or a map of vectors");
    constexpr std::size_t longest_chain = 128;
    return table.bucket_size(table.bucket(key)) > longest_chain;
  } else {
    return false;
  }
}

/// An archive that wants to know the names of plain aggregates' members, each before its value.
template <class Archive>
concept takes_field_names = requires(Archive& archive) {
  archive.field_name(std::string_view());
};

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
  } else if constexpr (source == field_source::plain) {
    if constexpr (!std::is_empty_v<element>)
      boost::pfr::for_each_field(value, [&archive](auto& field, auto index) {
        if constexpr (takes_field_names<Archive>)
          archive.field_name(field_names<element>[decltype(index)::value]);
        archive(field);
      });
  } else {
    static_assert(always_false<T>,
                  "modal: this class has no fields that modal can see: make it a plain aggregate, "
                  "list its fields with MODAL_FIELDS(type, …), or give it a cereal serialize()");
  }
}

/// What cereal's users write against: `ar(a, b)`, `ar & a`, name-value pairs, base classes. Sends
/// each value to `Derived::value`, names to `Derived::name`, raw bytes to `Derived::raw`, counts to
/// `Derived::count`.
template <class Derived, class Base>
class archive_facade : public Base {
 public:
  template <class... T>
  Derived& operator()(T&&... values) {
    (item(values), ...);
    return self();
  }
  template <class T>
  Derived& operator&(T&& each) {
    item(each);
    return self();
  }
  template <class T>
  Derived& operator<<(T&& each) requires std::is_same_v<Base, cereal::detail::OutputArchiveBase> {
    item(each);
    return self();
  }
  template <class T>
  Derived& operator>>(T&& each) requires std::is_same_v<Base, cereal::detail::InputArchiveBase> {
    item(each);
    return self();
  }

 private:
  Derived& self() { return static_cast<Derived&>(*this); }

  template <class T>
  void item(T& each) {
    using element = std::remove_const_t<T>;
    if constexpr (is_a<element, cereal::NameValuePair>) {
      self().name(each.name);
      item(each.value);
    } else if constexpr (is_a<element, cereal::SizeTag>) {
      self().count(each.size);
    } else if constexpr (is_a<element, cereal::BinaryData>) {
      self().raw(each.data, static_cast<std::size_t>(each.size));
    } else if constexpr (is_a<element, cereal::base_class> ||
                         is_a<element, cereal::virtual_base_class>) {
      self().value(*each.base_ptr);
    } else if constexpr (is_a<element, cereal::DeferredData>) {
      static_assert(always_false<T>,
                    "modal: cereal::defer is for shared pointers, which are not "
                    "supported");
    } else {
      self().value(each);
    }
  }
};

}  // namespace detail
}  // namespace modal
