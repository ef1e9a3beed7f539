// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/limits.hpp>
#include <modal/wire/archive_facade.hpp>
#include <modal/wire/containers.hpp>
#include <modal/wire/fields.hpp>
#include <modal/wire/output_archive.hpp>
#include <modal/wire/payload.hpp>

#include <cstring>
#include <iterator>

namespace modal {

/// Reads values from a payload that may come from anybody: a cereal input archive over contiguous
/// memory, bounded by `decode_limits`. Spans and string views that are read alias the payload.
///
/// **Errors**: throws `call_error` with `malformed_payload` for bytes that are no value of the type
/// and `too_large` past a limit. An object being read is then in an unspecified state and must be
/// dropped. **Lifetime**: views live as long as the payload's bytes. One thread at a time.
class input_archive
    : public detail::archive_facade<input_archive, cereal::detail::InputArchiveBase> {
 public:
  using is_saving = std::false_type;
  using is_loading = std::true_type;

  /// @param from and `bounds` live as long as this.
  input_archive(const payload_view& from, const decode_limits& bounds) noexcept;
  input_archive(const payload_view& from, decode_limits&& bounds) = delete;

  /// Checks that everything was read. **Errors**: `malformed_payload` for trailing bytes.
  void finish() const;

  /// Reads one value of a type that `classify` knows.
  template <class T>
  void value(T& each) {
    using detail::category;
    constexpr category what = detail::category_of<T>;
    if constexpr (what == category::boolean) {
      each = flag("a bool is neither 0 nor 1");
    } else if constexpr (detail::is_bitwise<T>) {
      scalar(each);
    } else if constexpr (what == category::enumeration) {
      enumeration(each);
    } else if constexpr (what == category::text) {
      text(each);
    } else if constexpr (what == category::span) {
      span(each);
    } else if constexpr (what == category::elsewhere) {
      each.refer_to_host(elements_elsewhere<typename T::value_type>());
    } else if constexpr (what == category::tensor) {
      tensor(each);
    } else if constexpr (detail::bulk_range<T>) {
      bulk(each);
    } else if constexpr (detail::flat_range<T>) {
      scattered(each);
    } else if constexpr (what == category::sequence) {
      sequence(each);
    } else if constexpr (what == category::adaptor) {
      typename T::container_type elements;
      value(elements);
      each = detail::adapt<T>(std::move(elements));
    } else if constexpr (what == category::set || what == category::map) {
      associative(each);
    } else if constexpr (what == category::array) {
      for (auto& element : each) value(element);
      if constexpr (detail::array_traits<T>::count == 0) zero_byte();
    } else if constexpr (what == category::bits) {
      bits(each);
    } else if constexpr (what == category::atomic) {
      auto held = detail::make_default<typename T::value_type>();
      value(held);
      each.store(std::move(held));
    } else if constexpr (what == category::optional) {
      if (!flag("an optional is neither absent nor present"))
        each.reset();
      else
        nested([&] { value(detail::emplace_default(each)); });
    } else if constexpr (what == category::pointer) {
      static_assert(
          std::is_same_v<typename T::deleter_type, std::default_delete<typename T::element_type>>,
          "modal: a unique_ptr with its own deleter cannot be received");
      if (!flag("a pointer is neither null nor set")) {
        each.reset();
      } else {
        charge(sizeof(typename T::element_type));
        each.reset(cereal::access::construct<typename T::element_type>());
        nested([&] { value(*each); });
      }
    } else if constexpr (what == category::variant) {
      variant(each);
    } else if constexpr (what == category::tuple) {
      fields([&] { std::apply([&](auto&... part) { (value(part), ...); }, each); });
    } else if constexpr (what == category::monostate) {
      zero_byte();
    } else if constexpr (what == category::period) {
      typename T::rep ticks{};
      value(ticks);
      each = T(ticks);
    } else if constexpr (what == category::instant) {
      typename T::duration since_epoch{};
      value(since_epoch);
      each = T(since_epoch);
    } else {
      fields([&] { detail::visit_fields(*this, each); });
    }
  }

  void name(const char*) noexcept {}

  /// Reads the count of a cereal size tag; each element is taken to need one byte at least.
  template <class Size>
  void count(Size& size) {
    size = static_cast<Size>(checked_count(read_count(), 1, 1));
  }

  void raw(void* data, std::size_t size) {
    const std::byte* from = take(size);
    if (size != 0) std::memcpy(data, from, size);
  }

 private:
  // What an array on a device takes at least.
  static constexpr std::size_t least_elsewhere = 256;
  // What a node of a tree or hash table costs beside its value.
  static constexpr std::size_t node_overhead = 48;

  const std::byte* take(std::size_t size) {
    if (static_cast<std::size_t>(end_ - position_) < size) fail_truncated();
    const std::byte* from = position_;
    position_ += size;
    return from;
  }

  template <class T>
  void scalar(T& each) {
    std::memcpy(&each, take(sizeof(T)), sizeof(T));
  }

  bool flag(const char* why) {
    const auto byte = std::to_integer<unsigned>(*take(1));
    if (byte > 1) fail(why);
    return byte == 1;
  }

  void zero_byte() {
    if (*take(1) != std::byte{0}) fail("the byte of an empty value is not zero");
  }

  std::uint64_t read_count() {
    std::uint64_t count;
    scalar(count);
    return count;
  }

  template <class Visit>
  void nested(Visit&& visit) {
    if (++depth_ > bounds_.depth) fail_limit("nested deeper than decode_limits.depth");
    visit();
    --depth_;
  }

  template <class Visit>
  void fields(Visit&& visit) {
    const std::byte* before = position_;
    nested(visit);
    if (position_ == before) zero_byte();
  }

  template <class E>
  void enumeration(E& each) {
    std::underlying_type_t<E> number;
    scalar(number);
    if constexpr (enumerators<E>::declared) {
      if (!enumerators<E>::contains(static_cast<E>(number)))
        fail("an enumeration has a value that is not declared");
    } else {
      static_assert(
          requires { E{std::underlying_type_t<E>{}}; },
          "modal: not every integer is a value of this enumeration: list its enumerators with "
          "MODAL_ENUM, or give it an underlying type");
    }
    each = static_cast<E>(number);
  }

  // The bytes of a range, in the envelope or in the next segment, for the alignment of T.
  template <class T>
  std::span<const T> range_bytes() {
    const std::uint64_t word = read_count();
    const std::uint64_t count = word & ~output_archive::in_segment;
    if (count > bounds_.elements) fail_limit("more elements than decode_limits.elements");
    if (count > from_.size() / sizeof(T)) fail("a range claims more elements than there are bytes");
    const std::size_t size = static_cast<std::size_t>(count) * sizeof(T);
    const std::byte* from;
    if (word != count) {
      from = take_segment(size);
    } else {
      if (size == 0) return {};
      if constexpr (alignof(T) > 1) align(alignof(T));
      from = take(size);
    }
    if constexpr (alignof(T) > 1)
      if (reinterpret_cast<std::uintptr_t>(from) % alignof(T) != 0) fail("a range is not aligned");
    return {reinterpret_cast<const T*>(from), static_cast<std::size_t>(count)};
  }

  template <class T>
  void text(T& each) {
    const auto from = range_bytes<char>();
    if constexpr (std::is_same_v<T, std::string>) charge(from.size());
    each = T(from.data() == nullptr ? "" : from.data(), from.size());
  }

  template <class T, std::size_t N>
  void span(std::span<T, N>& each) {
    using element = std::remove_const_t<T>;
    static_assert(std::is_const_v<T>,
                  "modal: a std::span parameter aliases the request and cannot be written: take "
                  "std::span<const T>, or a std::vector<T> by value");
    static_assert(detail::is_bitwise<element>,
                  "modal: the elements of a std::span must lie on the wire as in memory (numbers, "
                  "bytes and plain structs of them without padding): take a std::vector instead");
    const auto from = range_bytes<element>();
    if constexpr (N == std::dynamic_extent) {
      each = from;
    } else {
      if (from.size() != N) fail("a span does not have its fixed size");
      each = std::span<T, N>(from.data(), N);
    }
  }

  // Each array costs some memory of the device, however small it is.
  template <class T>
  std::span<const T> elements_elsewhere() {
    if (++containers_ > bounds_.containers) fail_limit("more containers than decode_limits allows");
    charge(least_elsewhere);
    std::span<const T> elements;
    span(elements);
    return elements;
  }

  template <class T>
  void tensor(T& each) {
    typename T::shape_type shape{};
    for (std::size_t& extent : shape) {
      extent = read_count();
      // Also where another one is zero: a function may loop over it.
      if (extent > bounds_.elements)
        fail_limit("a tensor's extent is above decode_limits.elements");
    }
    const auto elements = elements_elsewhere<typename T::value_type>();
    if (!detail::fills(shape, elements.size()))
      fail("a tensor does not have as many elements as its shape says");
    each.refer_to_host(elements, shape);
  }

  template <class T>
  void bulk(T& each) {
    using element = typename T::value_type;
    const auto from = range_bytes<element>();
    charge(from.size_bytes());
    if constexpr (requires { each.reserve(each.capacity()); }) {
      if (each.capacity() < from.size() && from.size_bytes() >= huge_advice_bytes) {
        each.clear();
        each.reserve(from.size());
        advise_huge_pages(each.data(), from.size_bytes());
      }
    }
    detail::assign(each, from);
  }

  // A block, into a container that does not hold its elements together.
  template <class T>
  void scattered(T& each) {
    using element = typename T::value_type;
    const auto from = range_bytes<element>();
    // Lists have a node for each element, of which there may be more than its value.
    constexpr bool has_nodes =
        !detail::valarray_like<T> && !std::random_access_iterator<decltype(std::begin(each))>;
    charge(from.size() * (sizeof(element) + (has_nodes ? 2 * sizeof(void*) : 0)));
    detail::assign(each, from);
  }

  template <std::size_t N>
  void bits(std::bitset<N>& each) {
    const std::byte* from = take(N == 0 ? 1 : (N + 7) / 8);
    for (std::size_t i = 0; i < N; ++i)
      each[i] = (from[i / 8] >> (i % 8) & std::byte{1}) != std::byte{0};
    if (N % 8 != 0 || N == 0)
      if ((from[N / 8] >> (N % 8)) != std::byte{0}) fail("a bit behind the last is set");
  }

  std::size_t checked_count(std::uint64_t count, std::size_t wire_size, std::size_t memory_size) {
    if (count > bounds_.elements) fail_limit("more elements than decode_limits.elements");
    if (count > static_cast<std::size_t>(end_ - position_) / wire_size)
      fail("a container claims more elements than there are bytes");
    if (++containers_ > bounds_.containers) fail_limit("more containers than decode_limits allows");
    charge(static_cast<std::size_t>(count) * memory_size);
    return static_cast<std::size_t>(count);
  }

  template <class T>
  void sequence(T& each) {
    using element = typename T::value_type;
    const auto count =
        checked_count(read_count(), detail::min_wire_size<element>(), sizeof(element));
    nested([&] { detail::fill(each, count, [this](auto& one) { this->value(one); }); });
  }

  template <class T>
  void associative(T& each) {
    using key = typename T::key_type;
    const auto count = checked_count(read_count(), detail::min_wire_size<key>(),
                                     sizeof(typename T::value_type) + node_overhead);
    detail::collector<T> collected(each);
    nested([&] {
      for (std::size_t i = 0; i < count; ++i) {
        auto read_key = detail::make_default<key>();
        value(read_key);
        const auto state = [&] {
          if constexpr (detail::map_like<T>) {
            auto mapped = detail::make_default<typename T::mapped_type>();
            value(mapped);
            return collected.add(std::move(read_key), std::move(mapped));
          } else {
            return collected.add(std::move(read_key));
          }
        }();
        if (state == detail::key_state::twice) fail("a set or map has a key twice");
        if (state == detail::key_state::flooding) fail_limit("too many keys of one hash value");
      }
    });
    collected.finish();
  }

  template <class T>
  void variant(T& each) {
    std::uint32_t index;
    scalar(index);
    if (index >= std::variant_size_v<T>) fail("a variant has no alternative of this number");
    nested([&] { alternative(each, index, std::make_index_sequence<std::variant_size_v<T>>{}); });
  }

  template <class T, std::size_t... I>
  void alternative(T& each, std::size_t index, std::index_sequence<I...>) {
    ((index == I ? value(each.template emplace<I>()) : void()), ...);
  }

  void align(std::size_t alignment);
  const std::byte* take_segment(std::size_t size);
  void charge(std::size_t bytes) {
    if (bytes > budget_) fail_limit("decoding would allocate more than decode_limits allows");
    budget_ -= bytes;
  }
  static void advise_huge_pages(void* data, std::size_t size) noexcept;

  [[noreturn]] void fail(const char* why) const;
  [[noreturn]] static void fail_limit(const char* why);
  [[noreturn]] void fail_truncated() const;

  static constexpr std::size_t huge_advice_bytes = std::size_t{4} << 20;

  const payload_view& from_;
  const decode_limits& bounds_;
  const std::byte* begin_;
  const std::byte* position_;
  const std::byte* end_;
  std::size_t budget_;
  std::size_t depth_ = 0;
  std::size_t containers_ = 0;
  std::size_t segment_ = 0;  ///< the next one
};

}  // namespace modal
