// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace modal {

/// The names of a function's arguments, each a string literal: `{"pixels", "sigma"}`. At most 16.
class argument_names {
 public:
  constexpr argument_names() noexcept = default;
  constexpr argument_names(std::initializer_list<const char*> names)  // NOLINT: what a user writes
      : count_(names.size()) {
    std::size_t i = 0;
    for (const char* name : names)
      if (i < names_.size()) names_[i++] = name;
  }

  [[nodiscard]] constexpr std::size_t size() const noexcept { return count_; }
  [[nodiscard]] constexpr auto begin() const noexcept { return names_.begin(); }
  [[nodiscard]] constexpr auto end() const noexcept {
    return names_.begin() + static_cast<std::ptrdiff_t>(count_);
  }
  static constexpr std::size_t most = 16;

  friend bool operator==(const argument_names&, const argument_names&) = default;

 private:
  std::array<const char*, most> names_{};
  std::size_t count_ = 0;
};

/// Which thread of an executor runs a function.
enum class run_on : std::uint8_t {
  worker,  ///< one that has time for it; the default
  /// The one that has read the call, at once: nothing is handed over. For functions that take a few
  /// microseconds and wait for nothing: as long as one runs, nothing else is read or written on
  /// that thread. One that takes more than a millisecond is named in the log. Calls from inside the
  /// process or through a host's own server, and repeated runs, go to workers all the same.
  io,
};

/// What `MODAL_FUNCTION(f, …)` says about a function. Plain values, named by designated
/// initialisers; the defaults suit most functions.
struct function_options {
  /// The longest one call may take, from its admission to its result, waiting included.
  /// Default and zero: `limits::call_timeout`. The caller's own deadline counts if it is shorter.
  std::chrono::milliseconds timeout{0};
  /// How often a failed run is tried again, in the executor, before the caller hears of it. Only
  /// for `function_failed`. Default 0.
  int retries = 0;
  /// The wait before a retry is drawn from [0, retry_delay × 2^n), and never above one minute.
  std::chrono::milliseconds retry_delay{100};
  /// How many calls may wait for a worker. Default and zero: `limits::queue_length`.
  std::size_t max_queue = 0;
  /// How many calls may run at a time. Default and zero: as many as there are workers, or one less
  /// where the executor serves several functions, so that one of them cannot hold all workers. By
  /// default a call that waits for a call of its own does not count, so that a function may call
  /// itself. Where a number is given it does, for it may hold what there is so many of: such a
  /// function must not wait for itself through a URL, or by `spawn`, as many times.
  std::size_t max_concurrent = 0;
  /// Which thread runs it. `run_on::io` is for functions without device memory and
  /// `max_concurrent`.
  run_on run = run_on::worker;
  /// Whether a call goes on when its caller's connection has ended: for work that is wanted
  /// whoever asked for it. It has its deadline still, and nobody hears its result. A caller on a
  /// session can cancel it all the same; one over HTTP cannot, for it would do so by closing. By
  /// default what was only for that caller is cancelled.
  bool linger = false;
  /// How many devices a call needs. Default 0: one if there is device memory in the signature. 1:
  /// one in any case, for a function that brings its own memory to it. More are not served yet.
  int gpu = 0;
  /// How much device memory a call takes, arguments and result included: it waits in the queue
  /// until a device has so much that no other call has asked for. Default and 0: it does not say,
  /// and fails where there is none left.
  std::size_t gpu_memory = 0;
  /// The oldest architecture of a GPU that will do, as "sm_90". A string literal. With this, or a
  /// model, the function runs on a GPU whichever compiler made it.
  const char* gpu_capability = "";
  /// Which GPUs will do, by their names: a pattern as fnmatch(3) reads it, where case does not
  /// count: "*H200*". A string literal; default: all.
  const char* gpu_model = "";
  /// What the function does, for `/v1/functions` and `/openapi.json`. A string literal.
  const char* description = "";
  /// What the arguments are called, in their order, for `/openapi.json`: all of them, or none. Not
  /// in the signature.
  argument_names arguments = {};

  friend bool operator==(const function_options&, const function_options&) = default;
};

namespace detail {

constexpr bool timeout_is_valid(const function_options& o) { return o.timeout.count() >= 0; }
constexpr bool retries_are_valid(const function_options& o) {
  return o.retries >= 0 && o.retries <= 100;
}
constexpr bool retry_delay_is_valid(const function_options& o) {
  return o.retry_delay.count() >= 0 && o.retry_delay <= std::chrono::minutes{1};
}
constexpr bool gpu_is_valid(const function_options& o) { return o.gpu == 0 || o.gpu == 1; }

/// Returns 90 for "sm_90", 0 for nothing, and -1 for what is no architecture.
constexpr int parse_capability(const char* text) {
  if (text == nullptr) return -1;
  if (*text == '\0') return 0;
  for (const char letter : {'s', 'm', '_'})
    if (*text++ != letter) return -1;
  int value = 0;
  for (; *text >= '0' && *text <= '9' && value < 1000; ++text) value = 10 * value + (*text - '0');
  return *text == '\0' && value >= 10 && value < 1000 ? value : -1;
}
constexpr bool gpu_capability_is_valid(const function_options& o) {
  return parse_capability(o.gpu_capability) >= 0;
}
constexpr bool gpu_model_is_valid(const function_options& o) { return o.gpu_model != nullptr; }
/// Whether nothing but a GPU will do.
constexpr bool asks_for_gpu(const function_options& o) {
  return *o.gpu_capability != '\0' || *o.gpu_model != '\0';
}

constexpr bool run_is_valid(const function_options& o) {
  return o.run == run_on::worker || (o.max_concurrent == 0 && o.gpu == 0 && !asks_for_gpu(o));
}

constexpr bool description_is_valid(const function_options& o) { return o.description != nullptr; }

/// @param arity how many arguments the function takes.
constexpr bool arguments_are_valid(const function_options& o, std::size_t arity) {
  if (o.arguments.size() == 0) return true;
  if (o.arguments.size() != arity || arity > argument_names::most) return false;
  for (const char* name : o.arguments)
    if (name == nullptr) return false;
  return true;
}

constexpr bool options_are_valid(const function_options& o, std::size_t arity) {
  return arguments_are_valid(o, arity) && timeout_is_valid(o) && retries_are_valid(o) &&
         retry_delay_is_valid(o) && description_is_valid(o) && gpu_is_valid(o) &&
         gpu_capability_is_valid(o) && gpu_model_is_valid(o) && run_is_valid(o);
}

}  // namespace detail
}  // namespace modal
