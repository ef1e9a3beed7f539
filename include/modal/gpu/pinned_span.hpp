// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <type_traits>

namespace modal {

/// A range of T in page-locked memory of the host, for functions that copy it to the device
/// themselves, in pieces or several times. As a parameter of a function, `pinned_span<const T>` is
/// what the caller sent, and the function runs on a device. Where the executor has no locked memory
/// left, it is in other memory, and copies of it may hold up whoever asks for them.
/// **Shape**: contiguous, aligned as T is. **Lifetime**: as that of a `device_span`.
template <class T>
class pinned_span : public std::span<T> {
  static_assert(std::is_const_v<T>, "modal: a pinned_span is read only: take pinned_span<const T>");

 public:
  using views_elsewhere = void;
  using std::span<T>::span;

  /// For the archives.
  constexpr void refer_to_host(std::span<T> elements) noexcept {
    *this = pinned_span(elements.data(), elements.size());
  }
  [[nodiscard]] constexpr std::span<T> host_elements() const noexcept { return *this; }
};

}  // namespace modal
