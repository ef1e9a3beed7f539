// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/gpu/tensor.hpp>

#include <array>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>

/// @file
/// Tensors of other libraries, by DLPack (https://dmlc.github.io/dlpack): libtorch, CuPy and ONNX
/// Runtime take and give them, and nothing is copied. Not included by `<modal/function.hpp>`; works
/// with whatever `dlpack.h` the program has, of which it knows the names of the members only:
/// `Managed` is a `DLManagedTensor` or a `DLManagedTensorVersioned`.

namespace modal {
namespace detail::dlpack {

// Of dlpack.h.
inline constexpr int on_cpu = 1;
inline constexpr int on_cuda = 2;
inline constexpr int on_pinned = 3;
inline constexpr int on_managed = 13;
inline constexpr std::uint64_t read_only = 1;
inline constexpr std::uint32_t known_major = 1;

template <class T>
consteval int code_of() {
  if constexpr (std::is_same_v<T, bool>)
    return 6;
  else if constexpr (std::is_same_v<T, std::complex<float>> ||
                     std::is_same_v<T, std::complex<double>>)
    return 5;
  else if constexpr (std::is_floating_point_v<T>)
    return 2;
  else if constexpr (std::is_integral_v<T>)
    return std::is_signed_v<T> ? 0 : 1;
  else
    static_assert(!sizeof(T), "modal: DLPack has no name for this type of elements");
}

[[noreturn]] inline void refuse(const std::string& why) {
  throw std::invalid_argument("modal: the DLPack tensor " + why);
}

/// Throws unless the tensor is of these elements, dimensions, and where the stream can use it.
template <class T, std::size_t Rank, class Managed>
tensor_view<T, Rank> check(const Managed& from, const gpu::stream& on) {
  using element = std::remove_const_t<T>;
  if constexpr (requires { from.version.major; }) {
    if (from.version.major != known_major)
      refuse("is of version " + std::to_string(from.version.major) + ", and 1 is understood");
    if (!std::is_const_v<T> && (from.flags & read_only) != 0)
      refuse("is read only: take a tensor_view<const T, Rank>");
  }
  const auto& what = from.dl_tensor;
  const auto type = what.dtype;
  if (type.code != code_of<element>() || type.bits != 8 * sizeof(element) || type.lanes != 1)
    refuse("has elements of code " + std::to_string(type.code) + ", " + std::to_string(type.bits) +
           " bits and " + std::to_string(type.lanes) + " lanes: expected " +
           std::to_string(code_of<element>()) + ", " + std::to_string(8 * sizeof(element)) +
           " and 1");
  if (what.ndim != static_cast<std::int32_t>(Rank))
    refuse("has " + std::to_string(what.ndim) + " dimensions: expected " + std::to_string(Rank));
  const int where = static_cast<int>(what.device.device_type);
  if (on.is_host()
          ? where != on_cpu && where != on_pinned
          : (where != on_cuda && where != on_managed) || what.device.device_id != on.device_index())
    refuse("is on device " + std::to_string(where) + ":" + std::to_string(what.device.device_id) +
           " (as DLPack counts), and the call's is " +
           std::to_string(on.is_host() ? on_cpu : on_cuda) + ":" +
           std::to_string(on.device_index()));
  std::array<std::size_t, Rank> shape{};
  for (std::size_t i = 0; i < Rank; ++i) {
    if (what.shape[i] < 0) refuse("has a negative extent");
    shape[i] = static_cast<std::size_t>(what.shape[i]);
  }
  const auto count = count_elements(shape);
  if (!count || *count > PTRDIFF_MAX / sizeof(element)) refuse("has more elements than fit");
  auto strides = dense_strides(shape);
  if (what.strides != nullptr)
    for (std::size_t i = 0; i < Rank; ++i)
      strides[i] = static_cast<std::ptrdiff_t>(what.strides[i]);
  auto* const data = static_cast<std::byte*>(what.data) + what.byte_offset;
  if (*count != 0 && reinterpret_cast<std::uintptr_t>(data) % alignof(element) != 0)
    refuse("is not aligned");
  return {reinterpret_cast<T*>(data), shape, strides};
}

/// What a tensor of others keeps.
template <class Managed>
struct taken_over {
  taken_over() = default;
  ~taken_over() {
    if (managed != nullptr && managed->deleter != nullptr) managed->deleter(managed);
  }
  taken_over(const taken_over&) = delete;
  taken_over& operator=(const taken_over&) = delete;
  Managed* managed = nullptr;
};

/// What a tensor that we hand out keeps.
template <class Managed, class T, std::size_t Rank>
struct handed_out {
  Managed managed{};
  tensor<T, Rank> values;
  std::array<std::int64_t, Rank> shape{};
  std::array<std::int64_t, Rank> strides{};
};

}  // namespace detail::dlpack

/// Returns a view of a tensor of another library, which must live as long as the view is used, and
/// whose work is done or on `this_stream()`.
/// **Errors**: throws `std::invalid_argument` for other elements or dimensions, for another device
/// than that of the present call, for what is read only if T is not const, and for another major
/// version.
template <class T, std::size_t Rank, class Managed>
tensor_view<T, Rank> view_dlpack(const Managed& from) {
  return detail::dlpack::check<T, Rank>(from, *gpu::current_stream());
}

/// Takes over a tensor of another library, to return it or to put it into a struct: nothing is
/// copied, and its deleter runs when it is not needed any more. Work with it is done or on
/// `this_stream()`. **Errors**: as `view_dlpack`, also where its elements are not dense; then it is
/// still the caller's.
template <class T, std::size_t Rank, class Managed>
tensor<T, Rank> from_dlpack(Managed* from) {
  const auto view = detail::dlpack::check<T, Rank>(*from, *gpu::current_stream());
  if (!view.is_dense())
    detail::dlpack::refuse("is not dense: make it contiguous, its last dimension first");
  auto owner = std::make_shared<detail::dlpack::taken_over<Managed>>();
  owner->managed = from;  // from here on nothing fails
  detail::device_block block(gpu::current_stream(), view.data(), std::move(owner));
  return {device_vector<T>(std::move(block), view.size()), view.shape()};
}

/// Hands a tensor to another library: the receiver calls its `deleter`, on any thread, when the
/// stream of the call has passed all that was put there for it.
template <class Managed, class T, std::size_t Rank>
Managed* to_dlpack(tensor<T, Rank>&& which) {
  using kept = detail::dlpack::handed_out<Managed, T, Rank>;
  auto made = std::make_unique<kept>();
  made->values = std::move(which);
  const auto view = made->values.view();
  for (std::size_t i = 0; i < Rank; ++i) {
    made->shape[i] = static_cast<std::int64_t>(view.shape()[i]);
    made->strides[i] = view.strides()[i];
  }
  Managed& out = made->managed;
  const gpu::stream& stream = *gpu::current_stream();
  auto& what = out.dl_tensor;
  what.data = view.data();
  what.device.device_type = static_cast<decltype(what.device.device_type)>(
      stream.is_host() ? detail::dlpack::on_cpu : detail::dlpack::on_cuda);
  what.device.device_id = stream.device_index();
  what.ndim = static_cast<std::int32_t>(Rank);
  what.dtype = {static_cast<std::uint8_t>(detail::dlpack::code_of<T>()),
                static_cast<std::uint8_t>(8 * sizeof(T)), 1};
  what.shape = made->shape.data();
  what.strides = made->strides.data();
  what.byte_offset = 0;
  if constexpr (requires { out.version.major; }) {
    out.version = {detail::dlpack::known_major, 0};
    out.flags = 0;
  }
  out.manager_ctx = made.get();
  out.deleter = [](Managed* self) { delete static_cast<kept*>(self->manager_ctx); };
  return &made.release()->managed;
}

}  // namespace modal
