// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/function/device_transfer.hpp>
#include <modal/gpu/device_span.hpp>
#include <modal/gpu/device_vector.hpp>
#include <modal/wire/make_schema.hpp>
#include <modal/wire/owning.hpp>
#include <modal/wire/signature.hpp>
#include <modal/wire/type_name.hpp>

#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

/// @file
/// What a callable takes and returns, and how that is stored while it travels. A *target* is what
/// both `MODAL_FUNCTION` and `modal::remote` name: a function or a captureless lambda
/// (`function_target`), or a function object whose state travels as the first argument
/// (`object_target`).

namespace modal {
namespace detail {

template <class... T>
struct type_list {};

template <class Call>
struct call_shape;  // of a function type: its result and its parameters

template <class R, class... A>
struct call_shape<R(A...)> {
  using result = R;
  using parameters = type_list<A...>;
};
template <class R, class... A>
struct call_shape<R(A...) noexcept> : call_shape<R(A...)> {};

template <class Member>
struct member_shape;
template <class R, class C, class... A>
struct member_shape<R (C::*)(A...)> : call_shape<R(A...)> {};
template <class R, class C, class... A>
struct member_shape<R (C::*)(A...) const> : call_shape<R(A...)> {};
template <class R, class C, class... A>
struct member_shape<R (C::*)(A...) noexcept> : call_shape<R(A...)> {};
template <class R, class C, class... A>
struct member_shape<R (C::*)(A...) const noexcept> : call_shape<R(A...)> {};

template <class T>
struct callable_shape {
  static_assert(
      requires { &T::operator(); },
      "modal: not a function, and not an object with exactly one operator(): templates "
      "and overloads must be wrapped in a function of their own");
  using result = typename member_shape<decltype(&T::operator())>::result;
  using parameters = typename member_shape<decltype(&T::operator())>::parameters;
};
template <class T>
requires std::is_function_v<T>
struct callable_shape<T> : call_shape<T> {
};

/// How the argument of a parameter of type `P` travels, as `sent`, and is held on the executor
/// while the function runs.
template <class P>
struct parameter {
  static_assert(!(std::is_lvalue_reference_v<P> && !std::is_const_v<std::remove_reference_t<P>>),
                "modal: a parameter that is a reference to non-const cannot bring anything back to "
                "a caller in another process: return the value instead");
  using held = std::remove_cvref_t<P>;
  using sent = held;
  static constexpr bool is_on_device = false;

  static sent& as_sent(held& value) noexcept { return value; }
  static decltype(auto) pass(held& value) {
    if constexpr (std::is_lvalue_reference_v<P>)
      return static_cast<const held&>(value);
    else
      return std::move(value);
  }
};

/// A range in device memory is sent from the host, and uploaded before the function runs.
template <class T>
struct device_parameter {
  static_assert(
      std::is_const_v<T>,
      "modal: what a function writes to a device_span cannot come back to its caller: take "
      "a device_span<const T>, and return a device_vector<T>");
  using held = device_argument<std::remove_const_t<T>>;
  using sent = std::span<const T>;
  static constexpr bool is_on_device = true;

  static sent& as_sent(held& value) noexcept { return value.sent; }
  static device_span<T> pass(held& value) noexcept { return value.there; }
};
template <class T>
struct parameter<device_span<T>> : device_parameter<T> {};
template <class T>
struct parameter<const device_span<T>> : device_parameter<T> {};
template <class T>
struct parameter<const device_span<T>&> : device_parameter<T> {};

template <class R>
inline constexpr bool is_device_vector = false;
template <class T>
inline constexpr bool is_device_vector<device_vector<T>> = true;

/// What a result of type `R` is for a remote caller: an owner where the function returns a view.
template <class R>
struct caller_type {
  using type = std::remove_cvref_t<R>;
};
template <>
struct caller_type<std::string_view> {
  using type = std::string;
};
template <class T, std::size_t N>
struct caller_type<std::span<T, N>> {
  using type = std::vector<std::remove_const_t<T>>;
};

template <class T>
struct caller_type<device_vector<T>> {
  using type = std::vector<T>;
};

template <class R, class... Sent>
const function_signature& signature_of() {
  static const function_signature built =
      make_signature({make_schema<Sent>()...}, make_schema<R>());
  return built;
}

/// A function or captureless lambda, named by a template argument.
template <auto& F>
struct function_target {
  using shape = callable_shape<std::remove_cvref_t<decltype(F)>>;
  using result = typename shape::result;
  using parameters = typename shape::parameters;
  static constexpr std::string_view name = function_name<F>();

  template <class... A>
  static decltype(auto) call(A&&... arguments) {
    return F(std::forward<A>(arguments)...);
  }
};

template <class List, class First>
struct prepend;
template <class... A, class First>
struct prepend<type_list<A...>, First> {
  using type = type_list<First, A...>;
};

/// A function object; its state is the first argument of the call.
template <class T>
struct object_target {
  using shape = callable_shape<T>;
  using result = typename shape::result;
  using parameters = typename prepend<typename shape::parameters, T>::type;
  static constexpr std::string_view name = type_name<T>();

  template <class State, class... A>
  static decltype(auto) call(State&& state, A&&... arguments) {
    return state(std::forward<A>(arguments)...);
  }
};

/// What is known of a target from its type alone.
template <class Target, class Parameters = typename Target::parameters>
struct target_traits;

template <class Target, class... P>
struct target_traits<Target, type_list<P...>> {
  using result = typename caller_type<typename Target::result>::type;
  using held = std::tuple<typename parameter<P>::held...>;
  using sent = std::tuple<typename parameter<P>::sent...>;
  static constexpr std::size_t arity = sizeof...(P);
  /// Whether an argument or the result is in device memory.
  static constexpr bool uses_device =
      (parameter<P>::is_on_device || ...) ||
      is_device_vector<std::remove_cvref_t<typename Target::result>>;

  static const function_signature& signature() {
    if constexpr (!std::is_void_v<result>) refuse_views<result>();
    return signature_of<result, typename parameter<P>::sent...>();
  }

  /// The arguments before they are read.
  static held make_held() {
    if constexpr ((std::is_default_constructible_v<typename parameter<P>::held> && ...))
      return held{};
    else
      return held(make_default<typename parameter<P>::held>()...);
  }
  static sent make_sent() {
    if constexpr ((std::is_default_constructible_v<typename parameter<P>::sent> && ...))
      return sent{};
    else
      return sent(make_default<typename parameter<P>::sent>()...);
  }

  /// Calls `visit` with each argument as it is sent.
  template <class Visit>
  static void visit_sent(held& arguments, Visit&& visit) {
    std::apply([&](auto&... each) { visit(parameter<P>::as_sent(each)...); }, arguments);
  }

  static decltype(auto) apply(held& arguments) {
    return apply(arguments, std::index_sequence_for<P...>{});
  }

 private:
  template <std::size_t... I>
  static decltype(auto) apply(held& arguments, std::index_sequence<I...>) {
    return Target::call(parameter<P>::pass(std::get<I>(arguments))...);
  }
};

/// Refuses at compile time a name that another compiler would spell differently.
template <class Target>
consteval std::string_view portable_name() {
  static_assert(
      is_portable_name(Target::name),
      "modal: compilers spell this name differently (it is a lambda without a name, in an "
      "unnamed name space, or a template): give it one with MODAL_FUNCTION_AS(\"name\", f) "
      "and call it by modal::remote_as<f>(\"name\")");
  return Target::name;
}

}  // namespace detail

/// The type in which a remote caller receives the result of a function that returns `R`.
template <class R>
using caller_type_t = typename detail::caller_type<R>::type;

}  // namespace modal
