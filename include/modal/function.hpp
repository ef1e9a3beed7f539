// SPDX-License-Identifier: Apache-2.0
#pragma once

/// @file
/// What a function's own source needs: `MODAL_FUNCTION` and the types in signatures. Light: no
/// Asio, Beast, nlohmann or CUDA header; may be included in `.cu` files.

#include <modal/detail/for_each.hpp>
#include <modal/function/catalog.hpp>
#include <modal/function/context.hpp>
#include <modal/function/exception.hpp>
#include <modal/function/options.hpp>
#include <modal/function/typed_run.hpp>
#include <modal/gpu/device_span.hpp>
#include <modal/gpu/device_vector.hpp>
#include <modal/gpu/pinned_span.hpp>
#include <modal/gpu/stream_ref.hpp>
#include <modal/gpu/tensor.hpp>
#include <modal/wire/declare.hpp>

/// Registers a function under its qualified name, with options by designated initialisers. Used
/// once, where the function is defined, at any name space scope.
///
///     MODAL_FUNCTION(filters::blur, .timeout = 30s, .retries = 2)
///
/// `function` is a function, a captureless lambda that has a name, or the type of a function object
/// whose state cereal can serialise. Options that are constants are checked at compile time, others
/// when an executor is made. Overloads and templates need a name: `MODAL_FUNCTION_AS`.
#define MODAL_FUNCTION(function, ...)                                                         \
  static_assert(::modal::detail::is_no_template(#function),                                   \
                "modal: compilers spell the names of templates differently: give this one a " \
                "name with MODAL_FUNCTION_AS(\"name\", f)");                                  \
  MODAL_DETAIL_REGISTER(                                                                      \
      (::modal::detail::portable_name<decltype(::modal::detail::target_of<function>())>()),   \
      function, __VA_ARGS__)

/// Registers a function under a name that is fixed by hand; called by
/// `modal::remote_as<function>("name")`.
#define MODAL_FUNCTION_AS(name, function, ...) MODAL_DETAIL_REGISTER(name, function, __VA_ARGS__)

// What nvcc compiles is for a GPU.
#ifdef __CUDACC__
#define MODAL_DETAIL_DEVICE_USE ::modal::device_use::cuda
#else
#define MODAL_DETAIL_DEVICE_USE ::modal::device_use::host
#endif

#define MODAL_DETAIL_REGISTER(name, function, ...)                                         \
  [[maybe_unused]] static const bool MODAL_DETAIL_CONCAT(modal_registered_, __COUNTER__) = \
      ::modal::detail::register_target<decltype(::modal::detail::target_of<function>())>(  \
          name,                                                                            \
          [] {                                                                             \
            using namespace ::std::chrono_literals;                                        \
            using namespace ::modal::literals;                                             \
            return ::modal::function_options{__VA_ARGS__};                                 \
          },                                                                               \
          __FILE__, __LINE__, MODAL_DETAIL_DEVICE_USE);

namespace modal {
namespace detail {

template <auto& F>
function_target<F> target_of();
template <class T>
object_target<T> target_of();

/// @param device what the compiler makes code for.
constexpr device_use find_device_use(bool shows_in_signature, const function_options& options,
                                     device_use device) {
  if (!gpu_capability_is_valid(options) || !gpu_model_is_valid(options)) return device;  // refused
  if (asks_for_gpu(options)) return device_use::cuda;
  return shows_in_signature || options.gpu != 0 || options.gpu_memory != 0 ? device
                                                                           : device_use::none;
}

template <class Target>
function_descriptor describe_target(std::string_view name, const function_options& options,
                                    const char* file, int line,
                                    device_use device = device_use::host) {
  return {.name = std::string(name),
          .signature = &target_traits<Target>::signature,
          .prepare = &prepare<Target>,
          .device = find_device_use(target_traits<Target>::uses_device, options, device),
          .sends_to_device_only = target_traits<Target>::sends_to_device_only,
          .options = options,
          .file = file,
          .line = line};
}

template <class Options, bool = (Options{}(), true)>
consteval bool options_are_constant(int) {
  return true;
}
template <class Options>
consteval bool options_are_constant(...) {
  return false;
}

template <class Target, class Options>
bool register_target(std::string_view name, Options options, const char* file, int line,
                     device_use device) {
  if constexpr (options_are_constant<Options>(0)) {
    constexpr function_options constant = Options{}();
    static_assert(timeout_is_valid(constant), "modal: .timeout must not be negative");
    static_assert(retries_are_valid(constant), "modal: .retries must be from 0 to 100");
    static_assert(retry_delay_is_valid(constant),
                  "modal: .retry_delay must be from zero to one minute");
    static_assert(gpu_is_valid(constant), "modal: .gpu must be 0 or 1");
    static_assert(gpu_capability_is_valid(constant),
                  "modal: .gpu_capability must be an architecture, as \"sm_90\"");
    static_assert(gpu_model_is_valid(constant), "modal: .gpu_model must not be null");
    static_assert(run_is_valid(constant),
                  "modal: .run = run_on::io goes with neither .max_concurrent nor a GPU");
    static_assert(description_is_valid(constant), "modal: .description must not be null");
    static_assert(arguments_are_valid(constant, target_traits<Target>::arity),
                  "modal: .arguments must name each argument of the function, up to 16");
  }
  register_descriptor(describe_target<Target>(name, options(), file, line, device));
  return true;
}

}  // namespace detail

/// Describes function `F` under its qualified name: the explicit twin of `MODAL_FUNCTION`.
template <auto& F>
function_descriptor make_descriptor(const function_options& options = {}) {
  using target = detail::function_target<F>;
  return detail::describe_target<target>(detail::portable_name<target>(), options, "", 0);
}

/// The same for a function object type whose state travels with the call.
template <class T>
function_descriptor make_descriptor(const function_options& options = {}) {
  using target = detail::object_target<T>;
  return detail::describe_target<target>(detail::portable_name<target>(), options, "", 0);
}

/// The same under a name fixed by hand.
template <auto& F>
function_descriptor make_descriptor_as(std::string_view name,
                                       const function_options& options = {}) {
  return detail::describe_target<detail::function_target<F>>(name, options, "", 0);
}

}  // namespace modal
