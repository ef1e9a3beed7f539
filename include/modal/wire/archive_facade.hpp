// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/wire/classify.hpp>

namespace modal::detail {

/// What cereal's users write against: `ar(a, b)`, `ar & a`, name-value pairs, base classes. Sends
/// each value to `Derived::value`, names to `Derived::name`, raw bytes to `Derived::raw`, counts to
/// `Derived::count`.
template <class Derived, class Base>
class archive_facade : public Base, public cereal::modal_archive {
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
                    "modal: cereal::defer is for shared pointers, which are not supported");
    } else {
      self().value(each);
    }
  }
};

}  // namespace modal::detail
