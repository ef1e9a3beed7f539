// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/wire/archive_facade.hpp>
#include <modal/wire/containers.hpp>
#include <modal/wire/fields.hpp>
#include <modal/wire/payload.hpp>

#include <cstring>

namespace modal {

/// Writes values to a `payload`: a cereal output archive over contiguous memory, without streams.
/// Arrays of at least `segment_threshold` bytes are borrowed, not copied: they must live as long as
/// the payload. **Errors**: none; memory exhausted throws `std::bad_alloc`. One thread at a time.
///
///     payload out;
///     output_archive{out}(1, std::string("two"), pixels);
class output_archive
    : public detail::archive_facade<output_archive, cereal::detail::OutputArchiveBase> {
 public:
  using is_saving = std::true_type;
  using is_loading = std::false_type;

  /// @param borrow arrays of at least this many bytes become segments.
  explicit output_archive(payload& out, std::size_t borrow = segment_threshold) noexcept
      : out_(out), borrow_(borrow) {}

  /// Writes one value of a type that `classify` knows.
  template <class T>
  void value(const T& each) {
    if constexpr (detail::is_bitwise<T>) {
      write(each);
    } else {
      // A user's save() may hand over temporaries; only what lies inside the visited object lives
      // long enough to be borrowed.
      const bool outer = lasting_;
      const auto* place = reinterpret_cast<const std::byte*>(&each);
      lasting_ = outer && (object_.data() == nullptr ||
                           (place >= object_.data() && place < object_.data() + object_.size()));
      write(each);
      lasting_ = outer;
    }
  }

  /// Names are not written: the signature has them.
  void name(const char*) noexcept {}
  void count(std::size_t size) { scalar(static_cast<std::uint64_t>(size)); }
  void raw(const void* data, std::size_t size) {
    if (size != 0) std::memcpy(out_.extend(size), data, size);
  }

 private:
  template <class T>
  void write(const T& each) {
    using detail::category;
    constexpr category what = detail::category_of<T>;
    if constexpr (what == category::boolean) {
      scalar(static_cast<std::uint8_t>(each));
    } else if constexpr (detail::is_bitwise<T>) {
      scalar(each);
    } else if constexpr (what == category::enumeration) {
      scalar(static_cast<std::underlying_type_t<T>>(each));
    } else if constexpr (what == category::text || detail::bulk_range<T>) {
      bulk(each.data(), each.size());
    } else if constexpr (detail::flat_range<T>) {
      scattered(each);
    } else if constexpr (what == category::sequence || what == category::set ||
                         what == category::map || what == category::span) {
      elements(each);
    } else if constexpr (what == category::elsewhere) {
      const auto elements = each.host_elements();
      bulk(elements.data(), elements.size());
    } else if constexpr (what == category::tensor) {
      tensor(each);
    } else if constexpr (what == category::adaptor) {
      write(detail::opened_adaptor<T>::container(each));
    } else if constexpr (what == category::array) {
      for (const auto& element : each) write(element);
      if constexpr (detail::array_traits<T>::count == 0) scalar(std::uint8_t{0});
    } else if constexpr (what == category::bits) {
      bits(each);
    } else if constexpr (what == category::atomic) {
      write(each.load());
    } else if constexpr (what == category::optional || what == category::pointer) {
      scalar(static_cast<std::uint8_t>(each ? 1 : 0));
      if (each) write(*each);
    } else if constexpr (what == category::variant) {
      if (each.valueless_by_exception())
        throw_error({errc::malformed_payload, "valueless variant"});
      scalar(static_cast<std::uint32_t>(each.index()));
      std::visit([&](const auto& held) { write(held); }, each);
    } else if constexpr (what == category::tuple) {
      fields([&] { std::apply([&](const auto&... part) { (write(part), ...); }, each); });
    } else if constexpr (what == category::monostate) {
      scalar(std::uint8_t{0});
    } else if constexpr (what == category::period) {
      scalar(each.count());
    } else if constexpr (what == category::instant) {
      write(each.time_since_epoch());
    } else {
      const bytes_view outer = object_;
      object_ = {reinterpret_cast<const std::byte*>(&each), sizeof each};
      fields([&] { detail::visit_fields(*this, each); });
      object_ = outer;
    }
  }

  template <class T>
  void scalar(const T& each) {
    std::memcpy(out_.extend(sizeof(T)), &each, sizeof(T));
  }

  // A struct takes at least one byte, so that a count of structs is bounded by the bytes received.
  template <class Visit>
  void fields(Visit&& visit) {
    const std::size_t before = out_.envelope_size();
    visit();
    if (out_.envelope_size() == before) scalar(std::uint8_t{0});
  }

  // The first bit is the lowest of the first byte; what is over in the last byte is zero.
  template <std::size_t N>
  void bits(const std::bitset<N>& each) {
    std::byte* to = out_.extend(N == 0 ? 1 : (N + 7) / 8);
    *to = {};
    for (std::size_t i = 0; i < N; ++i) {
      if (i % 8 == 0) to[i / 8] = {};
      if (each[i]) to[i / 8] |= std::byte{1} << (i % 8);
    }
  }

  template <class T>
  void elements(const T& each) {
    count(detail::count_of(each));
    for (const auto& element : each) write(element);
  }

  template <class T>
  void bulk(const T* data, std::size_t size) {
    static_assert(alignof(T) <= segment_alignment, "modal: alignment above 64 is not supported");
    const std::size_t bytes = size * sizeof(T);
    constexpr bool always_segment = alignof(T) > envelope_alignment;
    if ((bytes >= borrow_ && lasting_) || (always_segment && bytes != 0)) {
      scalar(static_cast<std::uint64_t>(size) | in_segment);
      if (!lasting_) {
        auto owner = std::make_shared<std::vector<T>>(data, data + size);
        data = owner->data();
        out_.keep_array(std::move(owner));
      }
      out_.add_segment({reinterpret_cast<const std::byte*>(data), bytes});
      return;
    }
    count(size);
    if (bytes == 0) return;
    align(alignof(T));
    std::memcpy(out_.extend(bytes), data, bytes);
  }

  template <class T>
  void tensor(const T& each) {
    static_assert(detail::is_bitwise<typename T::value_type>,
                  "modal: the elements of a tensor must lie on the wire as in memory (numbers and "
                  "plain structs of them without padding; instead of bool take std::uint8_t)");
    for (const std::size_t extent : each.shape()) scalar(static_cast<std::uint64_t>(extent));
    if (each.is_dense()) {
      const auto elements = each.host_elements();
      bulk(elements.data(), elements.size());
    } else {
      const auto packed = detail::pack_tensor(each);
      const bool outer = std::exchange(lasting_, false);
      bulk(packed.data(), packed.size());
      lasting_ = outer;
    }
  }

  void align(std::size_t alignment) {
    const std::size_t used = out_.envelope_size();
    const std::size_t gap = align_up(used, alignment) - used;
    if (gap != 0) std::memset(out_.extend(gap), 0, gap);
  }

  // The same block, of elements that do not lie together.
  template <class T>
  void scattered(const T& each) {
    using element = typename T::value_type;
    if constexpr (detail::valarray_like<T>) {
      bulk(std::begin(each), each.size());
    } else if constexpr (alignof(element) > envelope_alignment) {
      const std::vector<element> copy(each.begin(), each.end());
      const bool outer = std::exchange(lasting_, false);
      bulk(copy.data(), copy.size());
      lasting_ = outer;
    } else {
      const std::size_t size = detail::count_of(each);
      count(size);
      if (size != 0) align(alignof(element));
      for (const element& one : each) scalar(one);
    }
  }

 public:
  /// Set in the count of a range whose bytes are in the next segment.
  static constexpr std::uint64_t in_segment = std::uint64_t{1} << 63;

 private:
  payload& out_;
  std::size_t borrow_;
  bytes_view object_;    // the innermost object whose fields a user's function visits
  bool lasting_ = true;  // the value being written lives as long as the payload
};

}  // namespace modal
