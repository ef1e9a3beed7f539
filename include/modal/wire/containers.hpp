// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/wire/classify.hpp>

#include <algorithm>
#include <iterator>

/// @file
/// How containers of every kind are read and filled: what the archives of both encodings share.

namespace modal::detail {

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
    constexpr std::size_t longest_chain = 128;
    return table.bucket_size(table.bucket(key)) > longest_chain;
  } else {
    return false;
  }
}

/// Tables in which a key may come again hold equal keys in one chain, whose length says nothing:
/// elements are gathered by key first, in a table whose chains do.
template <class T>
class key_groups {
 public:
  /// Returns false where the keys are flooding the table.
  template <class... Mapped>
  bool add(typename T::key_type&& key, Mapped&&... mapped) {
    const auto [place, is_new] = groups_.try_emplace(key);
    place->second.emplace_back(std::move(key), std::forward<Mapped>(mapped)...);
    return !is_new || !is_flooded(groups_, place->first);
  }

  void move_into(T& table) {
    std::size_t count = 0;
    for (const auto& [key, group] : groups_) count += group.size();
    table.reserve(count);
    for (auto& [key, group] : groups_) {
      auto last = table.end();  // equal keys in a row: each is put beside the one before
      for (auto& element : group) last = table.emplace_hint(last, std::move(element));
    }
  }

 private:
  std::unordered_map<typename T::key_type, std::vector<typename T::value_type>, typename T::hasher,
                     typename T::key_equal>
      groups_;
};

enum class key_state : std::uint8_t { fresh, twice, flooding };

/// Fills a set or map from the elements of a peer.
template <class T>
class collector {
 public:
  explicit collector(T& into) : into_(into) { into.clear(); }

  /// Adds a key, and what it maps to. Only after `fresh` may there be another.
  template <class... Mapped>
  key_state add(typename T::key_type&& key, Mapped&&... mapped) {
    if constexpr (gathers) {
      return groups_.add(std::move(key), std::forward<Mapped>(mapped)...) ? key_state::fresh
                                                                          : key_state::flooding;
    } else {
      const std::size_t before = into_.size();
      const auto placed =
          into_.emplace_hint(into_.end(), std::move(key), std::forward<Mapped>(mapped)...);
      if (into_.size() == before) return key_state::twice;
      return is_flooded(into_, key_of<T>(*placed)) ? key_state::flooding : key_state::fresh;
    }
  }

  void finish() {
    if constexpr (gathers) groups_.move_into(into_);
  }

 private:
  static constexpr bool gathers = unordered<T> && !has_unique_keys<T>;
  struct nothing {};

  T& into_;
  [[no_unique_address]] std::conditional_t<gathers, key_groups<T>, nothing> groups_;
};

/// Makes a value in an optional, also of a type that only cereal may make.
template <class T>
T& emplace_default(std::optional<T>& holder) {
  if constexpr (std::is_default_constructible_v<T>)
    return holder.emplace();
  else
    return holder.emplace(make_default<T>());
}

/// Returns the elements of a tensor with strides of its own, the last index counting fastest.
template <class T>
std::vector<typename T::value_type> pack_tensor(const T& from) {
  std::vector<typename T::value_type> packed;
  if constexpr (requires { from.strides(); }) {  // what has none is dense
    const auto shape = from.shape();
    const auto strides = from.strides();
    const std::size_t size = from.size();
    packed.reserve(size);
    std::array<std::size_t, T::rank> index{};
    while (packed.size() < size) {
      std::ptrdiff_t at = 0;
      for (std::size_t i = 0; i < T::rank; ++i)
        at += static_cast<std::ptrdiff_t>(index[i]) * strides[i];
      packed.push_back(from.data()[at]);
      for (std::size_t i = T::rank; i-- > 0;) {
        if (++index[i] < shape[i]) break;
        index[i] = 0;
      }
    }
  }
  return packed;
}

/// Returns whether there are as many elements as the extents say.
template <std::size_t Rank>
bool fills(const std::array<std::size_t, Rank>& shape, std::size_t count) noexcept {
  for (const std::size_t each : shape)
    if (each == 0) return count == 0;
  for (const std::size_t each : shape) {
    if (count % each != 0) return false;
    count /= each;
  }
  return count == 1;
}

/// Makes `list` hold `count` elements that `read(element)` fills, one after the other.
template <class T, class Read>
void fill(T& list, std::size_t count, Read&& read) {
  using element = typename T::value_type;
  if constexpr (valarray_like<T>) {
    list.resize(count);
    for (std::size_t i = 0; i < count; ++i) read(list[i]);
  } else if constexpr (forward_list_like<T>) {
    list.clear();
    auto last = list.before_begin();
    for (std::size_t i = 0; i < count; ++i) {
      last = list.insert_after(last, make_default<element>());
      read(*last);
    }
  } else {
    list.clear();
    if constexpr (requires { list.reserve(count); }) list.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      if constexpr (std::is_same_v<element, bool>) {
        bool flag = false;
        read(flag);
        list.push_back(flag);
      } else if constexpr (std::is_default_constructible_v<element>) {
        read(list.emplace_back());
      } else {
        read(list.emplace_back(make_default<element>()));
      }
    }
  }
}

/// Makes `list` hold copies of the elements that lie at `from`.
template <class T, class Element>
void assign(T& list, std::span<const Element> from) {
  if constexpr (valarray_like<T>) {
    list.resize(from.size());
    std::copy(from.begin(), from.end(), std::begin(list));
  } else if constexpr (requires { list.assign(from.begin(), from.end()); }) {
    list.assign(from.begin(), from.end());
  } else {
    list.clear();
    for (const Element& each : from) list.emplace_back() = each;
  }
}

/// Returns how many elements there are, also where the container does not know.
template <class T>
std::size_t count_of(const T& list) {
  if constexpr (requires { list.size(); })
    return list.size();
  else
    return static_cast<std::size_t>(std::distance(list.begin(), list.end()));
}

/// The container that a stack or queue keeps its elements in, which is all that there is to send.
template <class T>
struct opened_adaptor : T {
  static const typename T::container_type& container(const T& adaptor) {
    return adaptor.*&opened_adaptor::c;
  }
};

/// Returns an adaptor of these elements. One with an order restores it: the peer may not have kept
/// it.
template <class T>
T adapt(typename T::container_type&& elements) {
  if constexpr (requires { typename T::value_compare; })
    return T(typename T::value_compare{}, std::move(elements));
  else
    return T(std::move(elements));
}

}  // namespace modal::detail
