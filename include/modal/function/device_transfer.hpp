// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/bytes.hpp>
#include <modal/gpu/device_span.hpp>
#include <modal/gpu/device_vector.hpp>
#include <modal/gpu/stream.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

/// @file
/// How arguments come to a device, and results from it.

namespace modal::detail {

/// The argument for a `device_span<const T>`: as it was sent, and where it is on the device.
template <class T>
struct device_argument {
  std::span<const T> sent;
  device_span<const T> there;
};

/// The uploads of one call. Small arguments travel in one copy, for each copy has a price of its
/// own; a large one has a copy and memory of its own. Owns the device memory, which is given back
/// in the order of the stream. One thread at a time uses it.
class device_uploads {
 public:
  /// Arguments below this are packed together.
  static constexpr std::size_t large = 64 << 10;

  /// Notes an argument. `put` will find out where it comes to lie on the device.
  template <class T>
  void add(device_argument<T>& which) {
    add(
        which.sent.data(), which.sent.size_bytes(), alignof(T),
        [](void* argument, void* there) {
          auto& found = *static_cast<device_argument<T>*>(argument);
          found.there = {static_cast<const T*>(there), found.sent.size()};
        },
        &which);
  }

  /// Puts all uploads into the stream, and tells each argument where it is. What was sent, and
  /// this, must stay until the stream has passed them.
  /// @param block of memory in which small arguments may lie together: those that do are copied
  /// from there as they are, if the device can. @param pinned page-locked memory in which arguments
  /// may lie: a GPU copies from there; what lies elsewhere is first copied to such memory.
  /// **Errors**: `device_out_of_memory`, `device_fault`.
  result<void> put(const std::shared_ptr<gpu::stream>& on, bytes_view block,
                   bytes_view pinned = {});

 private:
  using teller = void (*)(void* argument, void* there);
  struct part {
    const std::byte* from;
    std::size_t bytes;
    std::size_t alignment;
    teller tell;
    void* argument;
  };
  void add(const void* from, std::size_t bytes, std::size_t alignment, teller tell,
           void* argument) {
    parts_.push_back({static_cast<const std::byte*>(from), bytes, alignment, tell, argument});
  }
  result<std::byte*> take(const std::shared_ptr<gpu::stream>& on, std::size_t bytes);
  result<void> put_large(const std::shared_ptr<gpu::stream>& on, const part& which,
                         bytes_view pinned);
  result<void> put_small(const std::shared_ptr<gpu::stream>& on, bytes_view block);
  std::byte* take_host(gpu::stream& on, std::size_t bytes);

  std::vector<part> parts_;
  std::vector<device_block> blocks_;
  std::vector<std::shared_ptr<std::byte[]>> staged_;  // what did not lie where it is copied from
};

}  // namespace modal::detail
