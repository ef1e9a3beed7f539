// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>

#ifdef __CUDACC__
#define MODAL_DETAIL_DEVICE __host__ __device__
#else
#define MODAL_DETAIL_DEVICE
#endif

namespace modal {

namespace detail {

template <class T>
struct device_span_kind {
  using writes_elsewhere = void;  ///< for the archives: what is written has to come back
};
template <class T>
struct device_span_kind<const T> {};

}  // namespace detail

/// A range of T in device memory, which somebody else owns. As a parameter of a function,
/// `device_span<const T>` is what the caller sent, uploaded on the call's stream before anything
/// that the function puts there. The caller passes a container, a span, or an array in JSON. A
/// `device_span<T>` is *in and out*: when the call's stream gets there, it is downloaded too, and
/// what the caller passed, an lvalue, has the elements that the function left there; after an error
/// it is as it was.
/// **Shape**: contiguous; aligned as T is, and a parameter of 64 KiB or more to 256 bytes. Only
/// code on the device may follow `data`, and any code where the device is the host's.
/// **Lifetime**: a parameter is there until the call's stream has done all that the function put
/// into it.
template <class T>
class device_span : public detail::device_span_kind<T> {
 public:
  using views_elsewhere = void;
  using element_type = T;
  using value_type = std::remove_cv_t<T>;
  using size_type = std::size_t;
  using iterator = T*;

  constexpr device_span() noexcept = default;
  MODAL_DETAIL_DEVICE constexpr device_span(T* data, std::size_t size) noexcept
      : data_(data), size_(size) {}
  /// A span of T is one of `const T` too.
  template <class U>
  requires(std::is_same_v<const U, T> && !std::is_const_v<U>)                   //
      MODAL_DETAIL_DEVICE constexpr device_span(device_span<U> other) noexcept  // NOLINT
      : data_(other.data()), size_(other.size()) {}

  [[nodiscard]] MODAL_DETAIL_DEVICE constexpr T* data() const noexcept { return data_; }
  [[nodiscard]] MODAL_DETAIL_DEVICE constexpr std::size_t size() const noexcept { return size_; }
  [[nodiscard]] MODAL_DETAIL_DEVICE constexpr std::size_t size_bytes() const noexcept {
    return size_ * sizeof(T);
  }
  [[nodiscard]] MODAL_DETAIL_DEVICE constexpr bool empty() const noexcept { return size_ == 0; }

  /// **Precondition**: the code runs where the memory is.
  [[nodiscard]] MODAL_DETAIL_DEVICE constexpr T& operator[](std::size_t index) const noexcept {
    return data_[index];
  }
  [[nodiscard]] MODAL_DETAIL_DEVICE constexpr T* begin() const noexcept { return data_; }
  [[nodiscard]] MODAL_DETAIL_DEVICE constexpr T* end() const noexcept { return data_ + size_; }

  /// **Precondition**: `offset + count <= size()`.
  [[nodiscard]] MODAL_DETAIL_DEVICE constexpr device_span subspan(
      std::size_t offset, std::size_t count) const noexcept {
    return {data_ + offset, count};
  }

  /// For the archives, between which and the device it refers to memory of the host.
  constexpr void refer_to_host(
      std::span<const value_type> elements) noexcept requires std::is_const_v<T> {
    data_ = elements.data();
    size_ = elements.size();
  }
  [[nodiscard]] constexpr std::span<const value_type> host_elements() const noexcept {
    return {data_, size_};
  }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace modal
