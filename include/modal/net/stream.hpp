// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/bytes.hpp>
#include <modal/base/clock.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

/// @file
/// A connected socket as both ends use it: try, and where nothing can be done now, wait. Nobody
/// above this file blocks in a read or a write, so that a deadline is looked at after every system
/// call.

struct epoll_event;

namespace modal::detail {

/// What a descriptor can be waited for.
enum class readiness : std::uint8_t { none = 0, read = 1, write = 2, both = 3 };

constexpr readiness operator|(readiness a, readiness b) noexcept {
  return static_cast<readiness>(static_cast<int>(a) | static_cast<int>(b));
}
constexpr bool includes(readiness all, readiness one) noexcept {
  return (static_cast<int>(all) & static_cast<int>(one)) != 0;
}

/// What came of one attempt to read or write.
struct io_result {
  enum class kind : std::uint8_t {
    some,         ///< `size` bytes, at least one
    would_block,  ///< nothing now: wait
    closed,       ///< the peer has ended its side
    failed,       ///< `code` is the errno
  } what = kind::some;
  std::size_t size = 0;
  int code = 0;
  bool is_cut = false;  ///< there may be more to read at once, though the room was not filled
};

/// A non-blocking descriptor with one owner. Move-only; one thread at a time.
class stream {
 public:
  stream() = default;
  /// Takes over `descriptor`, which is non-blocking.
  explicit stream(int descriptor) noexcept : descriptor_(descriptor) {}
  stream(stream&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  stream& operator=(stream&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~stream() { close(); }

  [[nodiscard]] bool is_open() const noexcept { return descriptor_ >= 0; }
  [[nodiscard]] int native_handle() const noexcept { return descriptor_; }
  void close() noexcept;

  io_result try_read(mutable_bytes_view room) noexcept { return try_read({&room, 1}); }
  /// Fills `rooms`, one after the other; at most 4 of them.
  io_result try_read(std::span<const mutable_bytes_view> rooms) noexcept;
  /// Writes as much of `parts` as fits, in one system call (at most 64 parts of it).
  io_result try_write(std::span<const bytes_view> parts) noexcept;

  /// Returns whether the peer is silent and has not closed: one system call, which takes nothing.
  [[nodiscard]] bool is_quiet() const noexcept;

 private:
  int descriptor_ = -1;
};

/// Waits until `descriptor` is ready for `what` (or is broken: then trying says how), or until
/// `until`. Returns whether it is ready.
bool wait_for(int descriptor, readiness what, time_point until) noexcept;

/// As epoll_wait(2), but that it gives the core away twice before it sleeps: whoever brings the
/// next event may want this very core, or be about to bring it, and waking a thread costs its waker
/// more than this costs.
int wait_for_events(int epoll, epoll_event* found, int most, int timeout) noexcept;

/// Removes `size` bytes from the front of `parts`. **Precondition**: they have as many.
void consume(std::span<bytes_view>& parts, std::size_t size) noexcept;

}  // namespace modal::detail
