// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/clock.hpp>
#include <modal/base/ids.hpp>
#include <modal/function/lazy_stop.hpp>
#include <modal/function/log.hpp>
#include <modal/gpu/device_span.hpp>
#include <modal/gpu/stream_memory.hpp>
#include <modal/gpu/stream_ref.hpp>

#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <type_traits>

namespace modal {

/// The device on which a call runs.
struct call_device {
  std::string_view name;         ///< as "cuda:0" or "host:0"; empty: the call uses none
  std::string_view model;        ///< as its maker calls it
  int index = 0;                 ///< among those of its kind, as CUDA counts them
  std::size_t memory_bytes = 0;  ///< that functions may have there
};

/// What a function can know about the call that it serves: `modal::this_call()`.
/// **Lifetime**: until the function returns. **Thread safety**: const; hand it to threads of the
/// function's own by reference.
class call_context {
 public:
  struct state {
    call_id id;
    int attempt = 1;
    int depth = 0;
    time_point deadline = never;
    detail::lazy_stop* stop = nullptr;  // lives as long as the context
    std::string_view function;
    std::string_view traceparent;
    const log_sink* sink = nullptr;
    call_device device;
  };

  explicit call_context(const state& values) : state_(values) {}

  /// Returns the call's id; nil outside of calls.
  [[nodiscard]] const call_id& id() const noexcept { return state_.id; }

  /// Returns which attempt this is, from 1.
  [[nodiscard]] int attempt() const noexcept { return state_.attempt; }

  /// Returns how many calls this one is nested in: 0 for one that no served function made.
  [[nodiscard]] int depth() const noexcept { return state_.depth; }

  /// Returns when the caller stops waiting; `never` outside of calls.
  [[nodiscard]] time_point deadline() const noexcept { return state_.deadline; }

  /// Returns the token that is stopped when the caller cancels or goes away, when the deadline
  /// passes and when the executor ends its grace period. Outside of calls one that never is. The
  /// first use takes memory: ask for it once, or by `stop_requested`.
  [[nodiscard]] std::stop_token stop_token() const {
    return state_.stop != nullptr ? state_.stop->token() : std::stop_token();
  }

  /// Returns whether that token is stopped, or will be in a moment.
  [[nodiscard]] bool stop_requested() const noexcept {
    return state_.stop != nullptr && state_.stop->is_requested();
  }

  /// Returns the wire name of the function; empty outside of calls.
  [[nodiscard]] std::string_view function() const noexcept { return state_.function; }

  /// Returns the caller's W3C trace context, or an empty text.
  [[nodiscard]] std::string_view traceparent() const noexcept { return state_.traceparent; }

  /// Returns where the call runs.
  [[nodiscard]] const call_device& device() const noexcept { return state_.device; }

  /// Returns the stream of the call, on its own thread; see `this_stream`.
  [[nodiscard]] stream_ref stream() const { return this_stream(); }

  /// Returns an allocator of device memory on that stream, for libraries that take one.
  [[nodiscard]] stream_memory memory() const { return stream_memory(); }

  /// Returns memory on the device for `size` elements, unspecified at first, for what the function
  /// puts into its stream: it is given back behind that, in the order of the stream. Outside of
  /// calls it is there until the thread ends.
  /// **Errors**: throws `device_error` with `device_out_of_memory` or `device_fault`.
  template <class T>
  [[nodiscard]] device_span<T> scratch(std::size_t size) const {
    static_assert(std::is_trivially_copyable_v<T>,
                  "modal: device memory holds types that are copied byte by byte");
    if (size > SIZE_MAX / sizeof(T))
      throw device_error({errc::device_out_of_memory, "more than there can be"});
    return {static_cast<T*>(gpu::take_scratch(size * sizeof(T))), size};
  }

  /// Writes a line to the executor's log, marked with this call's id; to stderr outside of calls.
  void log(log_level level, std::string_view message) const;
  void log(std::string_view message) const { log(log_level::info, message); }

 private:
  state state_;
};

/// Returns the context of the call that this thread is serving. Outside of calls, as in a unit test
/// that runs the function locally: a context without id, deadline or stop request.
[[nodiscard]] const call_context& this_call() noexcept;

namespace detail {

/// Makes `context` the answer of `this_call()` on this thread while it lives. They nest.
class call_scope {
 public:
  explicit call_scope(const call_context& context) noexcept;
  ~call_scope();
  call_scope(const call_scope&) = delete;
  call_scope& operator=(const call_scope&) = delete;

 private:
  const call_context* previous_;
};

}  // namespace detail
}  // namespace modal
