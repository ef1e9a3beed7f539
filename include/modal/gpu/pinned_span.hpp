// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>

namespace modal {

/// A range of T in page-locked memory of the host, for functions that copy it to the device
/// themselves, in pieces or several times. As a parameter of a function, `pinned_span<const T>` is
/// what the caller sent, and the function runs on a device. Where the executor has no locked memory
/// left, it is in other memory, and copies of it may hold up whoever asks for them.
/// **Shape**: contiguous, aligned as T is. **Lifetime**: as that of a `device_span`.
template <class T>
class pinned_span {
  static_assert(std::is_const_v<T>, "modal: a pinned_span is read only: take pinned_span<const T>");

 public:
  using element_type = T;
  using value_type = std::remove_cv_t<T>;
  using views_elsewhere = void;

  constexpr pinned_span() noexcept = default;
  constexpr pinned_span(T* data, std::size_t size) noexcept : data_(data), size_(size) {}

  [[nodiscard]] constexpr T* data() const noexcept { return data_; }
  [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }
  [[nodiscard]] constexpr std::size_t size_bytes() const noexcept { return size_ * sizeof(T); }
  [[nodiscard]] constexpr bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] constexpr T& operator[](std::size_t index) const noexcept { return data_[index]; }
  [[nodiscard]] constexpr T* begin() const noexcept { return data_; }
  [[nodiscard]] constexpr T* end() const noexcept { return data_ + size_; }

  /// For the archives.
  constexpr void refer_to_host(std::span<const value_type> elements) noexcept {
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
