// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/bytes.hpp>
#include <modal/gpu/device_span.hpp>
#include <modal/gpu/device_vector.hpp>
#include <modal/gpu/pinned_span.hpp>
#include <modal/gpu/stream.hpp>
#include <modal/gpu/tensor.hpp>
#include <modal/wire/http_call.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

/// @file
/// How arguments come to a device, and results from it.

namespace modal::detail {

/// The argument for a `device_span<T>`: as it was sent, where it is on the device, and as it comes
/// back.
template <class T>
struct inout_argument {
  using value_type = T;

  void refer_to_host(std::span<const T> elements) noexcept { sent = elements; }
  [[nodiscard]] std::span<const T> host_elements() const noexcept {
    return back != nullptr ? std::span<const T>(back.get(), sent.size()) : sent;
  }

  std::span<const T> sent;
  device_span<T> there;
  std::shared_ptr<T[]> back;
};

template <class T>
inline constexpr bool is_inout_argument = false;
template <class T>
inline constexpr bool is_inout_argument<inout_argument<T>> = true;

/// Takes note of bytes that came by `path`.
inline void note_path(device_report& of, transfer_path path) noexcept {
  of.path = std::max(of.path, path);
}

/// Puts the download of `size` elements into a stream. @param noted is told of it, unless null.
/// @param before_wait is called, unless null, before the thread may have to wait for the stream.
/// @return where they will lie: in locked memory, if there is some. **Errors**: throws
/// `device_error`, `std::bad_alloc`.
template <class T>
std::shared_ptr<T[]> copy_to_host(gpu::stream& on, const T* from, std::size_t size,
                                  device_report* noted = nullptr,
                                  const std::function<void()>* before_wait = nullptr) {
  if (size == 0) return nullptr;
  std::shared_ptr<T[]> made;
  const auto pinned = on.take_pinned(size * sizeof(T));
  const bool is_pinned = pinned != nullptr;
  if (is_pinned)
    made = {pinned, reinterpret_cast<T*>(pinned.get())};
  else
    made = std::make_shared_for_overwrite<T[]>(size);
  if (noted != nullptr) {
    noted->bytes_down += size * sizeof(T);
    note_path(*noted, on.is_host() ? transfer_path::host
                      : is_pinned  ? transfer_path::pinned
                                   : transfer_path::pageable);
  }
  if (!is_pinned && !on.is_host() && before_wait != nullptr) (*before_wait)();
  device_value(on.copy(made.get(), from, size * sizeof(T), gpu::copy_kind::to_host));
  return made;
}

/// Arguments that were put on the device while they came, by copies in the stream of their call.
struct device_arrivals {
  struct arrival {
    std::size_t segment;  ///< of the payload
    std::size_t bytes;
    device_block there;
  };
  std::vector<arrival> blocks;   ///< in the order of the payload
  std::size_t next = 0;          ///< that an argument will most likely ask for
  std::optional<error> failure;  ///< of a copy: then some are not there
};

/// The uploads of one call. Small arguments travel in one copy, for each copy has a price of its
/// own; a large one has a copy and memory of its own. Owns the device memory, which is given back
/// in the order of the stream. One thread at a time uses it.
class device_uploads {
 public:
  /// Arguments below this are packed together.
  static constexpr std::size_t large = 64 << 10;

  /// Notes an argument that refers to memory of the host. `put` makes it refer to the device, or
  /// lets it own memory there.
  template <class T>
  void add(device_span<const T>& which) {
    add_view(which, part::kind::view);
  }
  template <class T>
  void add(inout_argument<T>& which) {
    add(which.sent, part::kind::view, &which,
        [](void* argument, void* there, device_block& /*own*/) {
          auto& found = *static_cast<inout_argument<T>*>(argument);
          found.there = {static_cast<T*>(there), found.sent.size()};
        });
  }
  template <class T>
  void add(device_vector<T>& which) {
    add(which.host_elements(), part::kind::owner, &which,
        [](void* argument, void* /*there*/, device_block& own) {
          static_cast<device_vector<T>*>(argument)->move_to_device(std::move(own));
        });
  }
  template <class T, std::size_t Rank>
  void add(tensor_view<const T, Rank>& which) {
    add(which.host_elements(), part::kind::view, &which,
        [](void* argument, void* there, device_block& /*own*/) {
          static_cast<tensor_view<const T, Rank>*>(argument)->move_to(static_cast<const T*>(there));
        });
  }
  /// This one stays on the host: `put` sees to it that it is in locked memory.
  template <class T>
  void add(pinned_span<const T>& which) {
    add_view(which, part::kind::pinned);
  }

  /// Puts all uploads into the stream, and tells each argument where it is. What was sent, and
  /// this, must stay until the stream has passed them.
  /// @param block of memory in which small arguments may lie together: those that do are copied
  /// from there as they are, if the device can. @param pinned page-locked memory in which arguments
  /// may lie: a GPU copies from there; what lies elsewhere is first copied to such memory.
  /// @param arrived what lies on the device already, and is taken over; may be null.
  /// **Errors**: `device_out_of_memory`, `device_fault`.
  result<void> put(const std::shared_ptr<gpu::stream>& on, bytes_view block, bytes_view pinned = {},
                   device_arrivals* arrived = nullptr);

  /// Returns how much went which way.
  [[nodiscard]] const device_report& report() const noexcept { return report_; }

 private:
  struct part {
    enum class kind : std::uint8_t { view, owner, pinned };
    using teller = void (*)(void* argument, void* there, device_block& own);

    [[nodiscard]] bool goes_alone() const noexcept { return what == kind::owner || bytes >= large; }

    const std::byte* from;
    std::size_t bytes;
    kind what;
    void* argument;
    teller tell;
  };
  template <class T>
  void add(std::span<const T> from, typename part::kind what, void* argument,
           typename part::teller tell) {
    parts_.push_back(
        {reinterpret_cast<const std::byte*>(from.data()), from.size_bytes(), what, argument, tell});
  }
  template <class View>
  void add_view(View& which, typename part::kind what) {
    add(which.host_elements(), what, &which,
        [](void* argument, void* there, device_block& /*own*/) {
          auto& found = *static_cast<View*>(argument);
          found = View(static_cast<typename View::element_type*>(there), found.size());
        });
  }
  result<void> put_alone(const std::shared_ptr<gpu::stream>& on, const part& which,
                         bytes_view pinned, device_arrivals* arrived);
  void take_over(const part& which, device_block there);
  result<void> put_small(const std::shared_ptr<gpu::stream>& on, bytes_view block);
  const std::byte* stage(gpu::stream& on, const part& which, bytes_view pinned);

  std::vector<part> parts_;
  device_report report_;
  std::vector<device_block> blocks_;                  // of views
  std::vector<std::shared_ptr<std::byte[]>> staged_;  // what did not lie where it is copied from
};

}  // namespace modal::detail
