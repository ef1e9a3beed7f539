// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/error.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

/// @file
/// What functions and the executor do with a device, without saying which kind it is. A *device* is
/// a GPU, or the *host device*: the same on CPU memory.

namespace modal::gpu {

/// A mark in a stream: passed when all that was put into the stream before it is done.
/// **Thread safety**: safe to share.
class event {
 public:
  virtual ~event() = default;

  /// Returns whether the stream has passed it. **Errors**: `device_fault`, if the device failed at
  /// something before it.
  virtual result<bool> is_passed() const = 0;

  /// Blocks until the stream has passed it. **Errors**: as `is_passed`.
  virtual result<void> wait() const = 0;

  /// Returns the time from `earlier`, of the same device, to this. **Precondition**: both are
  /// passed.
  virtual result<std::chrono::nanoseconds> since(const event& earlier) const = 0;
};

/// Which way a copy goes. *Host* is memory of this process that the device does not own.
enum class copy_kind : std::uint8_t { to_device, to_host, on_device };

/// A queue of work for a device, which it does in its order, beside whoever put it there.
/// **Thread safety**: one thread at a time uses it.
class stream {
 public:
  virtual ~stream() = default;

  /// Takes `bytes` of device memory for use by what comes next in the stream. Aligned to 256 bytes.
  /// Zero bytes are a null pointer. **Errors**: `device_out_of_memory`, `device_fault`.
  virtual result<void*> allocate(std::size_t bytes) = 0;

  /// Gives memory back as soon as the stream has done all that was put into it before. It may be of
  /// another stream of this device whose work with it is done.
  virtual void deallocate(void* memory, std::size_t bytes) noexcept = 0;

  /// Begins to count the memory that is taken on it. @return the most that was taken at a time
  /// since this was called last.
  virtual std::size_t begin_peak() noexcept { return 0; }

  /// Copies `bytes`. Host memory must stay as it is until the stream has passed the copy, and
  /// should be page-locked (*pinned*): other memory is copied too, but may hold up whoever calls
  /// this.
  /// **Errors**: `device_fault`.
  virtual result<void> copy(void* to, const void* from, std::size_t bytes, copy_kind way) = 0;

  /// Returns page-locked host memory for copies of this stream, aligned to 64 bytes; null where
  /// there is none left: then any memory has to do. It may outlive the stream.
  [[nodiscard]] virtual std::shared_ptr<std::byte[]> take_pinned(std::size_t /*bytes*/) noexcept {
    return nullptr;
  }

  /// Puts a mark behind all that is in the stream. **Errors**: `device_fault`.
  virtual result<std::shared_ptr<event>> record() = 0;

  /// Makes the device's context this thread's, for code that uses the device's own API. **Errors**:
  /// `device_fault`.
  virtual result<void> make_current() { return {}; }

  /// Blocks until all that was put into the stream is done, or, after a fault, can be done no more:
  /// nothing touches its memory then.
  virtual void drain() noexcept = 0;

  /// Returns the driver's own handle, a `CUstream`; null where there is none.
  [[nodiscard]] virtual void* native_handle() const noexcept = 0;

  /// Returns the number of the device among those of its kind.
  [[nodiscard]] virtual int device_index() const noexcept { return 0; }

  /// Returns whether device memory is memory of this process, so that any code may use it.
  [[nodiscard]] virtual bool is_host() const noexcept = 0;
};

}  // namespace modal::gpu
