// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/client/call_handle.hpp>
#include <modal/client/client.hpp>
#include <modal/client/encode.hpp>
#include <modal/function/callable.hpp>

#include <string_view>
#include <tuple>
#include <utility>

namespace modal {

/// A function that runs elsewhere, called like a local one. A value, cheap to copy: it refers to
/// the client that `on` named. Safe to use from many threads at once.
///
///     int sum = modal::remote<add>(1, 2);
///     modal::result<int> sum = modal::remote<add>.on(client).with({.timeout = 1s}).try_call(1, 2);
///
/// **Arguments** are converted to the function's parameters. For a `std::span<const T>` any
/// contiguous range of T will do, for text anything that a `std::string_view` can be made of. The
/// arrays of a blocking call are sent from where they lie.
/// **Errors**: of a call: those of the transport, of the executor, and `function_failed`.
template <class Target, class... Leading>
class remote_function {
  using traits = detail::target_traits<Target>;

 public:
  /// What a call returns: an owner where the function itself returns a view.
  using result_type = typename traits::result;

  constexpr explicit remote_function(std::string_view name, Leading... leading)
      : name_(name), leading_(std::move(leading)...) {}

  /// Calls and waits. **Errors**: throws `call_error`, or the function's own exception where
  /// `MODAL_EXCEPTION` registered its type.
  template <class... A>
  result_type operator()(const A&... arguments) const {
    return try_call(arguments...).value();
  }

  /// Calls and waits; errors are returned.
  template <class... A>
  result<result_type> try_call(const A&... arguments) const {
    payload sent;
    encode(sent, arguments...);
    client& where = target_client();
    auto answer = where.call(outgoing(sent, call_id::random()));
    if (!answer) return answer.error();
    return detail::decode_result<result_type>(answer->body, where.bounds());
  }

  /// Starts the call and returns at once. Arguments are moved or copied into the call; of a view
  /// (`std::span`, `std::string_view`) the memory must live until the call is over.
  /// **Errors**: throws `call_error` with `bad_configuration` for options that cannot work; all
  /// others end the call.
  template <class... A>
  call_handle<result_type> spawn(A&&... arguments) const {
    using stored = stored_call<std::decay_t<A>...>;
    const auto state = make<detail::spawned_call<stored>>(std::forward<A>(arguments)...);
    client& where = target_client();
    state->id = call_id::random();
    state->bounds = where.bounds();
    state->call = where.prepare(outgoing(state->stored.arguments(), state->id), state);
    state->call->begin();
    return call_handle<result_type>(state);
  }

  /// Returns this function on another client, which must outlive its calls.
  [[nodiscard]] constexpr remote_function on(client& where) const {
    auto changed = *this;
    changed.client_ = &where;
    return changed;
  }

  /// Returns this function with other options.
  [[nodiscard]] constexpr remote_function with(const call_options& options) const {
    auto changed = *this;
    changed.options_ = options;
    return changed;
  }

  /// Returns the wire name.
  [[nodiscard]] constexpr std::string_view name() const noexcept { return name_; }
  [[nodiscard]] constexpr const call_options& options() const noexcept { return options_; }

  /// Returns the signature that calls announce.
  [[nodiscard]] static const function_signature& signature() { return traits::signature(); }

  /// Used by `modal::async`: the client, and a call ready to start.
  [[nodiscard]] client& target_client() const {
    return client_ != nullptr ? *client_ : default_client();
  }
  [[nodiscard]] detail::outgoing_call outgoing(payload& arguments, const call_id& id) const {
    return {.function = name_,
            .signature = &signature(),
            .arguments = &arguments,
            .options = options_,
            .id = id};
  }
  /// The arguments of an asynchronous call with these types.
  template <class... A>
  using stored_call =
      detail::stored_call<Target, Leading..., typename detail::stored_argument<A>::type...>;

  /// Makes a `Holder` of the leading arguments and these.
  template <class Holder, class... A>
  [[nodiscard]] std::shared_ptr<Holder> make(A&&... arguments) const {
    return std::apply(
        [&](const Leading&... leading) {
          return std::make_shared<Holder>(leading..., std::forward<A>(arguments)...);
        },
        leading_);
  }
  /// The same, of three values more that come first.
  template <class Holder, class F, class G, class H, class... A>
  [[nodiscard]] std::shared_ptr<Holder> make_after(F first, G second, H third,
                                                   A&&... arguments) const {
    return std::apply(
        [&](const Leading&... leading) {
          return std::make_shared<Holder>(std::move(first), second, third, leading...,
                                          std::forward<A>(arguments)...);
        },
        leading_);
  }

 private:
  template <class... A>
  void encode(payload& out, const A&... arguments) const {
    std::apply(
        [&](const Leading&... leading) {
          detail::encode_arguments(typename Target::parameters{}, out, leading..., arguments...);
        },
        leading_);
  }

  std::string_view name_;
  std::tuple<Leading...> leading_;
  client* client_ = nullptr;
  call_options options_{};
};

/// The function `F` on an executor that serves it under its qualified name. Only a declaration of
/// `F` is needed. **Errors**: a name that compilers spell differently does not compile.
template <auto& F>
inline constexpr remote_function<detail::function_target<F>> remote{
    detail::portable_name<detail::function_target<F>>()};

/// The function `F` under a name that `MODAL_FUNCTION_AS` fixed. `name` must live as long as the
/// returned value; a literal does.
template <auto& F>
constexpr remote_function<detail::function_target<F>> remote_as(std::string_view name) {
  return remote_function<detail::function_target<F>>(name);
}

/// Returns `F` with its first arguments given; they are copied into what is returned.
///
///     auto brighten = modal::bind<filters::scale>(1.5F);
///     auto out = brighten(pixels);
template <auto& F, class... A>
auto bind(A... leading) {
  using target = detail::function_target<F>;
  return remote_function<target, A...>(detail::portable_name<target>(), std::move(leading)...);
}

/// Returns the remote twin of a function object; its state travels with each call.
template <class T>
auto bind(T object) {
  using target = detail::object_target<T>;
  return remote_function<target, T>(detail::portable_name<target>(), std::move(object));
}

}  // namespace modal
