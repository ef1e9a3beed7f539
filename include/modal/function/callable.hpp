// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/function/device_transfer.hpp>
#include <modal/gpu/device_span.hpp>
#include <modal/gpu/device_vector.hpp>
#include <modal/gpu/pinned_span.hpp>
#include <modal/gpu/tensor.hpp>
#include <modal/wire/elsewhere.hpp>
#include <modal/wire/make_schema.hpp>
#include <modal/wire/owning.hpp>
#include <modal/wire/signature.hpp>
#include <modal/wire/type_name.hpp>

#include <optional>
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

/// How the argument of a parameter, a value or a reference of type `V`, travels, as `sent`, and is
/// held on the executor while the function runs.
template <class V>
struct parameter_value {
  using held = V;
  using sent = V;
  static constexpr bool is_inout = false;
};
/// A range in device memory is sent from the host, and uploaded before the function runs.
template <class T>
struct parameter_value<device_span<const T>> {
  using held = device_span<const T>;
  using sent = std::span<const T>;
  static constexpr bool is_inout = false;
};
template <class T>
struct parameter_value<device_span<T>> {
  using held = inout_argument<T>;
  using sent = std::span<const T>;
  static constexpr bool is_inout = true;
};
template <class T>
struct parameter_value<device_vector<T>> {
  using held = device_vector<T>;
  using sent = std::span<const T>;
  static constexpr bool is_inout = false;
};
template <class T>
struct parameter_value<pinned_span<T>> {
  using held = pinned_span<T>;
  using sent = std::span<T>;
  static constexpr bool is_inout = false;
};

template <class T, std::size_t Rank>
struct parameter_value<tensor<T, Rank>> {
  using held = tensor<T, Rank>;
  using sent = tensor_view<const T, Rank>;
  static constexpr bool is_inout = false;
};

template <class P>
struct parameter : parameter_value<std::remove_cvref_t<P>> {
  static_assert(!(std::is_lvalue_reference_v<P> && !std::is_const_v<std::remove_reference_t<P>>),
                "modal: a parameter that is a reference to non-const cannot bring anything back to "
                "a caller in another process: return the value instead, or take a device_span<T>");
  using held = typename parameter_value<std::remove_cvref_t<P>>::held;

  static decltype(auto) pass(held& value) {
    if constexpr (parameter_value<std::remove_cvref_t<P>>::is_inout)
      return (value.there);
    else if constexpr (std::is_lvalue_reference_v<P>)
      return static_cast<const held&>(value);
    else
      return std::move(value);
  }
};

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
template <class T>
struct caller_type<std::vector<device_vector<T>>> {
  using type = std::vector<std::vector<T>>;
};
template <class T>
struct caller_type<std::optional<T>> {
  using type = std::optional<typename caller_type<T>::type>;
};
template <class A, class B>
struct caller_type<std::pair<A, B>> {
  using type = std::pair<typename caller_type<A>::type, typename caller_type<B>::type>;
};
template <class... Part>
struct caller_type<std::tuple<Part...>> {
  using type = std::tuple<typename caller_type<Part>::type...>;
};

template <class R, class... P>
const function_signature& signature_of() {
  static const function_signature built = [] {
    std::vector<schema> parameters{make_schema<typename parameter<P>::sent>()...};
    std::size_t at = 0;
    ((parameters[at++].is_inout = parameter<P>::is_inout), ...);
    return make_signature(std::move(parameters), make_schema<R>());
  }();
  return built;
}

template <class T>
inline constexpr bool is_flat_vector = false;
template <class T>
inline constexpr bool is_flat_vector<std::vector<T>> = is_bitwise<T>;

/// What a call of a function with result `R` brings back, as one value: with parameters that are in
/// and out, which come back as `Inout`, a tuple.
template <class R, class... Inout>
struct answer_of_call {
  using type = std::tuple<R, Inout...>;
};
template <class... Inout>
struct answer_of_call<void, Inout...> {
  using type = std::tuple<Inout...>;
};
template <class R>
struct answer_of_call<R> {
  using type = R;
};
template <>
struct answer_of_call<void> {
  using type = void;
};

/// The same from all parameters.
template <class R, class List, class... Inout>
struct find_answer : answer_of_call<R, Inout...> {};
template <class R, class P, class... Rest, class... Inout>
struct find_answer<R, type_list<P, Rest...>, Inout...>
    : find_answer<R, type_list<Rest...>, Inout...> {};
template <class R, class P, class... Rest, class... Inout>
requires(parameter<P>::is_inout)  //
    struct find_answer<R, type_list<P, Rest...>, Inout...>
    : find_answer<R, type_list<Rest...>, Inout...,
                  std::vector<typename parameter<P>::held::value_type>> {
};

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

/// Whether all that is large of an argument goes to a device.
template <class Held>
consteval bool goes_to_device() {
  if constexpr (is_bitwise<Held>)
    return sizeof(Held) <= 4096;
  else
    return (category_of<Held> == category::elsewhere || category_of<Held> == category::tensor) &&
           !is_a<Held, pinned_span>;
}

/// What is known of a target from its type alone.
template <class Target, class Parameters = typename Target::parameters>
struct target_traits;

template <class Target, class... P>
struct target_traits<Target, type_list<P...>> {
  using result = typename caller_type<typename Target::result>::type;
  using held = std::tuple<typename parameter<P>::held...>;
  using sent = std::tuple<typename parameter<P>::sent...>;
  static constexpr std::size_t arity = sizeof...(P);
  /// Whether an argument or the result is, or has inside, what is in device memory.
  static constexpr bool uses_device = (holds_elsewhere<typename parameter<P>::held> || ...) || [] {
    if constexpr (std::is_void_v<typename Target::result>)
      return false;
    else
      return holds_elsewhere<std::remove_cvref_t<typename Target::result>>;
  }();
  /// Whether all arguments go to the device themselves, or are flat and small.
  static constexpr bool sends_to_device_only =
      (goes_to_device<typename parameter<P>::held>() && ...);
  static constexpr bool has_inout = (parameter<P>::is_inout || ...);
  /// What a call brings back as one value.
  using answer = typename find_answer<result, type_list<P...>>::type;

  static const function_signature& signature() {
    if constexpr (!std::is_void_v<result>) refuse_views<result>();
    return signature_of<result, P...>();
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
