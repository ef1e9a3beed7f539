// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/gpu/device_vector.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace modal {

/// The size of a picture, or of any other grid. Flat.
struct extent2 {
  std::uint64_t width = 0;
  std::uint64_t height = 0;

  [[nodiscard]] MODAL_DETAIL_DEVICE constexpr std::uint64_t area() const noexcept {
    return width * height;
  }
  friend constexpr bool operator==(const extent2&, const extent2&) = default;
};

namespace detail {

/// Returns how many elements there are; nothing where no number says it.
template <std::size_t Rank>
constexpr std::optional<std::size_t> count_elements(const std::array<std::size_t, Rank>& shape) {
  std::size_t count = 1;
  bool is_too_large = false;
  for (const std::size_t each : shape) {
    if (each == 0) return 0;
    is_too_large = is_too_large || count > SIZE_MAX / each;
    count *= each;
  }
  if (is_too_large) return std::nullopt;
  return count;
}

/// Returns the strides, in elements, where the last index counts fastest.
template <std::size_t Rank>
constexpr std::array<std::ptrdiff_t, Rank> dense_strides(
    const std::array<std::size_t, Rank>& shape) {
  std::array<std::ptrdiff_t, Rank> made{};
  std::size_t step = 1;  // may wrap around where there are no elements
  for (std::size_t i = Rank; i-- > 0;) {
    made[i] = static_cast<std::ptrdiff_t>(step);
    step *= shape[i];
  }
  return made;
}

template <std::size_t Rank>
std::size_t checked_count(const std::array<std::size_t, Rank>& shape) {
  const auto count = count_elements(shape);
  if (!count) throw std::length_error("modal: a tensor has more elements than can be counted");
  return *count;
}

}  // namespace detail

/// An array of T with several dimensions, which somebody else owns. As a parameter of a function,
/// `tensor_view<const T, Rank>` is what the caller sent, uploaded before the function's work:
/// dense, the last index counts fastest. The caller passes a `tensor`, or a view of its own memory
/// with any strides.
/// **Shape**: `Rank` extents, and strides in elements. **Lifetime**: as that of a `device_span`.
template <class T, std::size_t Rank>
class tensor_view
    : public std::conditional_t<std::is_const_v<T>, detail::device_span_kind<const int>,
                                detail::device_span_kind<int>> {
  static_assert(Rank >= 1 && Rank <= 8, "modal: a tensor has from 1 to 8 dimensions");

 public:
  using element_type = T;
  using value_type = std::remove_cv_t<T>;
  using shape_type = std::array<std::size_t, Rank>;
  using strides_type = std::array<std::ptrdiff_t, Rank>;
  using views_elsewhere = void;
  static constexpr std::size_t rank = Rank;

  constexpr tensor_view() noexcept = default;
  /// A dense one.
  constexpr tensor_view(T* data, const shape_type& shape) noexcept
      : tensor_view(data, shape, detail::dense_strides(shape)) {}
  constexpr tensor_view(T* data, const shape_type& shape, const strides_type& strides) noexcept
      : data_(data) {
    for (std::size_t i = 0; i < Rank; ++i) {
      extents_[i] = shape[i];
      steps_[i] = strides[i];
    }
  }
  /// A view of T is one of `const T` too.
  template <class U>
  requires(std::is_same_v<const U, T> && !std::is_const_v<U>)            //
      constexpr tensor_view(const tensor_view<U, Rank>& other) noexcept  // NOLINT
      : tensor_view(other.data(), other.shape(), other.strides()) {}

  [[nodiscard]] MODAL_DETAIL_DEVICE constexpr T* data() const noexcept { return data_; }
  [[nodiscard]] constexpr shape_type shape() const noexcept {
    shape_type made{};
    for (std::size_t i = 0; i < Rank; ++i) made[i] = extents_[i];
    return made;
  }
  [[nodiscard]] constexpr strides_type strides() const noexcept {
    strides_type made{};
    for (std::size_t i = 0; i < Rank; ++i) made[i] = steps_[i];
    return made;
  }
  [[nodiscard]] MODAL_DETAIL_DEVICE constexpr std::size_t extent(std::size_t which) const noexcept {
    return extents_[which];
  }
  /// Returns the number of elements.
  [[nodiscard]] MODAL_DETAIL_DEVICE constexpr std::size_t size() const noexcept {
    std::size_t count = 1;
    for (std::size_t i = 0; i < Rank; ++i) count *= extents_[i];
    return count;
  }
  /// Returns whether its elements lie together, the last index counting fastest.
  [[nodiscard]] constexpr bool is_dense() const noexcept {
    if (size() == 0) return true;
    std::ptrdiff_t step = 1;
    for (std::size_t i = Rank; i-- > 0;) {
      if (extents_[i] != 1 && steps_[i] != step) return false;
      step *= static_cast<std::ptrdiff_t>(extents_[i]);
    }
    return true;
  }

  /// **Precondition**: the code runs where the memory is, and each index is below its extent.
  template <class... Index>
  requires(sizeof...(Index) == Rank)  //
      [[nodiscard]] MODAL_DETAIL_DEVICE constexpr T&
      operator()(Index... index) const noexcept {
    std::ptrdiff_t at = 0;
    std::size_t i = 0;
    ((at += static_cast<std::ptrdiff_t>(index) * steps_[i++]), ...);
    return data_[at];
  }

  /// For the archives, between which and the device it refers to memory of the host.
  constexpr void refer_to_host(std::span<const value_type> elements,
                               const shape_type& shape) noexcept requires std::is_const_v<T> {
    *this = tensor_view(elements.data(), shape);
  }
  /// **Precondition**: `is_dense()`.
  [[nodiscard]] constexpr std::span<const value_type> host_elements() const noexcept {
    return {data_, size()};
  }
  constexpr void move_to(T* there) noexcept { data_ = there; }

 private:
  T* data_ = nullptr;
  // Not std::array: code of a device may use its elements only with an option of the compiler's.
  std::size_t extents_[Rank] = {};
  std::ptrdiff_t steps_[Rank] = {};
};

/// An array of T with several dimensions in device memory, with one owner: dense, the last index
/// counts fastest. In signatures as a `device_vector` is, with its shape; what a caller receives
/// has memory of its own process.
template <class T, std::size_t Rank>
class tensor {
 public:
  using value_type = T;
  using shape_type = std::array<std::size_t, Rank>;
  static constexpr std::size_t rank = Rank;

  tensor() = default;
  /// Takes memory on the stream of the present call. **Errors**: throws `device_error` with
  /// `device_out_of_memory` or `device_fault`, and `std::length_error`.
  explicit tensor(const shape_type& shape) : tensor(shape, gpu::current_stream()) {}
  /// The same on a given stream.
  tensor(const shape_type& shape, std::shared_ptr<gpu::stream> on)
      : tensor(device_vector<T>(detail::checked_count(shape), std::move(on)), shape) {}
  /// Takes over elements. **Errors**: throws `std::length_error` where there are not as many as the
  /// shape says.
  tensor(device_vector<T> elements, const shape_type& shape)
      : elements_(std::move(elements)), shape_(shape) {
    if (elements_.size() != detail::checked_count(shape))
      throw std::length_error("modal: a tensor of another number of elements than its shape says");
  }
  tensor(tensor&& other) noexcept
      : elements_(std::move(other.elements_)), shape_(std::exchange(other.shape_, {})) {}
  tensor& operator=(tensor&& other) noexcept {
    elements_ = std::move(other.elements_);
    shape_ = std::exchange(other.shape_, {});
    return *this;
  }

  [[nodiscard]] T* data() noexcept { return elements_.data(); }
  [[nodiscard]] const T* data() const noexcept { return elements_.data(); }
  [[nodiscard]] const shape_type& shape() const noexcept { return shape_; }
  [[nodiscard]] std::size_t extent(std::size_t which) const noexcept { return shape_[which]; }
  [[nodiscard]] std::size_t size() const noexcept { return elements_.size(); }
  [[nodiscard]] tensor_view<T, Rank> view() noexcept { return {data(), shape_}; }
  [[nodiscard]] tensor_view<const T, Rank> view() const noexcept { return {data(), shape_}; }
  operator tensor_view<T, Rank>() noexcept { return view(); }              // NOLINT
  operator tensor_view<const T, Rank>() const noexcept { return view(); }  // NOLINT

  /// All elements, one after the other.
  [[nodiscard]] device_vector<T>& elements() noexcept { return elements_; }
  [[nodiscard]] const device_vector<T>& elements() const noexcept { return elements_; }

  /// For the archives.
  void refer_to_host(std::span<const T> elements, const shape_type& shape) noexcept {
    elements_.refer_to_host(elements);
    shape_ = shape;
  }
  [[nodiscard]] std::span<const T> host_elements() const { return elements_.host_elements(); }
  [[nodiscard]] static constexpr bool is_dense() noexcept { return true; }

 private:
  device_vector<T> elements_;
  shape_type shape_{};
};

}  // namespace modal
