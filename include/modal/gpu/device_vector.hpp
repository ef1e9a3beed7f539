// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/error.hpp>
#include <modal/gpu/current_stream.hpp>
#include <modal/gpu/device_error.hpp>
#include <modal/gpu/device_span.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

namespace modal {
namespace detail {

/// Bytes of device memory with one owner, taken and given back in the order of a stream. Move-only.
class device_block {
 public:
  device_block() = default;
  device_block(std::shared_ptr<gpu::stream> on, void* memory, std::size_t bytes) noexcept
      : stream_(std::move(on)), memory_(memory), bytes_(bytes) {}
  device_block(device_block&& other) noexcept
      : stream_(std::move(other.stream_)),
        memory_(std::exchange(other.memory_, nullptr)),
        bytes_(std::exchange(other.bytes_, 0)),
        owner_(std::move(other.owner_)) {}
  device_block& operator=(device_block&& other) noexcept {
    device_block old(std::move(*this));
    stream_ = std::move(other.stream_);
    memory_ = std::exchange(other.memory_, nullptr);
    bytes_ = std::exchange(other.bytes_, 0);
    owner_ = std::move(other.owner_);
    return *this;
  }
  ~device_block() {
    if (memory_ != nullptr && owner_ == nullptr) stream_->deallocate(memory_, bytes_);
  }

  /// Takes `bytes` on a stream. **Errors**: as `gpu::stream::allocate`.
  static result<device_block> take(std::shared_ptr<gpu::stream> on, std::size_t bytes) {
    auto memory = on->allocate(bytes);
    if (!memory) return std::move(memory).error();
    return device_block(std::move(on), *memory, bytes);
  }

  /// What somebody else's `owner` gives back.
  device_block(std::shared_ptr<gpu::stream> on, void* memory,
               std::shared_ptr<const void> owner) noexcept
      : stream_(std::move(on)), memory_(memory), owner_(std::move(owner)) {}

  [[nodiscard]] void* data() const noexcept { return memory_; }
  /// Returns whether the CPU can read it.
  [[nodiscard]] bool is_host() const noexcept { return stream_ == nullptr || stream_->is_host(); }

 private:
  std::shared_ptr<gpu::stream> stream_;
  void* memory_ = nullptr;
  std::size_t bytes_ = 0;
  std::shared_ptr<const void> owner_;  // null: it is the stream's
};

}  // namespace detail

/// An array of T in device memory, with one owner. As the result of a function, or inside of it, it
/// is downloaded when the call's stream gets there; the caller receives a `std::vector<T>`, or, as
/// the member of a struct, one of these in the memory of its own process. As a parameter it is the
/// function's own copy of what the caller sent.
/// **Shape**: contiguous, aligned to 256 bytes; elements are unspecified until somebody writes them
/// on the device. **Lifetime**: the memory is given back in the order of the stream on which it was
/// taken, so that what is in there already may still use it. **Thread safety**: as the stream's.
template <class T>
class device_vector {
  static_assert(std::is_trivially_copyable_v<T>,
                "modal: device memory holds types that are copied byte by byte");

 public:
  using value_type = T;

  device_vector() = default;
  /// Takes memory for `size` elements on the stream of the present call.
  /// **Errors**: throws `device_error` with `device_out_of_memory` or `device_fault`.
  explicit device_vector(std::size_t size) : device_vector(size, gpu::current_stream()) {}
  /// The same on a given stream.
  device_vector(std::size_t size, std::shared_ptr<gpu::stream> on)
      : block_(detail::device_value(detail::device_block::take(std::move(on), bytes_for(size)))),
        size_(size) {}

  /// Takes over memory that holds `size` elements.
  device_vector(detail::device_block memory, std::size_t size) noexcept
      : block_(std::move(memory)), size_(size) {}

  device_vector(device_vector&& other) noexcept
      : block_(std::move(other.block_)),
        host_(std::move(other.host_)),
        size_(std::exchange(other.size_, 0)) {}
  device_vector& operator=(device_vector&& other) noexcept {
    block_ = std::move(other.block_);
    host_ = std::move(other.host_);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }

  [[nodiscard]] T* data() noexcept { return static_cast<T*>(block_.data()); }
  [[nodiscard]] const T* data() const noexcept { return static_cast<const T*>(block_.data()); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t size_bytes() const noexcept { return size_ * sizeof(T); }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] device_span<T> span() noexcept { return {data(), size_}; }
  [[nodiscard]] device_span<const T> span() const noexcept { return {data(), size_}; }
  operator device_span<T>() noexcept { return span(); }              // NOLINT: as std::span's
  operator device_span<const T>() const noexcept { return span(); }  // NOLINT

  /// For the archives, between which and the device its elements are in memory of the host.
  void refer_to_host(std::span<const T> elements) noexcept {
    block_ = {};
    host_ = {std::shared_ptr<void>(), elements.data()};
    size_ = elements.size();
  }
  /// **Errors**: throws `device_error` where they are on a GPU alone.
  [[nodiscard]] std::span<const T> host_elements() const {
    if (host_ == nullptr && !block_.is_host())
      throw device_error({errc::device_fault,
                          "a device_vector on a GPU is sent as a result only: "
                          "copy its elements to the host"});
    return {host_ != nullptr ? host_.get() : data(), size_};
  }

  /// Its elements are on the device now.
  void move_to_device(detail::device_block elements) noexcept {
    block_ = std::move(elements);
    host_ = nullptr;
  }
  /// There is a copy of its elements on the host, as soon as the stream has passed that.
  void set_host_copy(std::shared_ptr<const T[]> elements) noexcept { host_ = std::move(elements); }
  /// Leaves it with that copy alone, which is returned.
  std::shared_ptr<const T[]> move_to_host() noexcept {
    block_ = {};
    return host_;
  }

 private:
  static std::size_t bytes_for(std::size_t size) {
    if (size > SIZE_MAX / sizeof(T))
      throw device_error({errc::device_out_of_memory, "more elements than there can be bytes for"});
    return size * sizeof(T);
  }

  detail::device_block block_;
  std::shared_ptr<const T[]> host_;  // as it came, or is to be sent
  std::size_t size_ = 0;
};

}  // namespace modal
