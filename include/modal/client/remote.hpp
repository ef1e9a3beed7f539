// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/client/call_handle.hpp>
#include <modal/client/client.hpp>
#include <modal/client/encode.hpp>
#include <modal/function/callable.hpp>

#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

namespace modal {

/// A function that runs elsewhere, with its result written to memory of the caller's; made by
/// `remote_function::into`.
template <class Remote, class T>
class remote_into {
 public:
  constexpr remote_into(Remote function, std::span<T> place) : function_(function), place_(place) {}

  /// Calls and waits. @return that part of the memory which was written. **Errors**: throws as the
  /// function itself does, and `result_too_large` where the result has more elements than fit;
  /// then nothing is written.
  template <class... A>
  std::span<T> operator()(const A&... arguments) const {
    return try_call(arguments...).value();
  }

  /// Calls and waits; errors are returned.
  template <class... A>
  result<std::span<T>> try_call(const A&... arguments) const {
    client& where = function_.target_client();
    const auto answer = function_.call(where, arguments...);
    if (!answer) return answer.error();
    const auto read = detail::decode_result<std::span<const T>>(answer->body, where.bounds());
    if (!read) return read.error();
    if (read->size() > place_.size())
      return error(errc::result_too_large, "the result has " + std::to_string(read->size()) +
                                               " elements, and there is room for " +
                                               std::to_string(place_.size()));
    if (!read->empty()) std::memcpy(place_.data(), read->data(), read->size_bytes());
    return place_.first(read->size());
  }

 private:
  Remote function_;
  std::span<T> place_;
};

/// A function that runs elsewhere, called like a local one. A value, cheap to copy: it refers to
/// the client that `on` named. Safe to use from many threads at once.
///
///     int sum = modal::remote<add>(1, 2);
///     modal::result<int> sum = modal::remote<add>.on(client).with({.timeout = 1s}).try_call(1, 2);
///
/// **Arguments** are converted to the function's parameters. For a `std::span<const T>` any
/// contiguous range of T will do, for text anything that a `std::string_view` can be made of. The
/// arrays of a blocking call are sent from where they lie. For a `device_span<T>`, which is in and
/// out, a blocking call changes the elements of what is passed; others bring them back as vectors.
/// **Errors**: of a call: those of the transport, of the executor, and `function_failed`.
template <class Target, class... Leading>
class remote_function {
  using traits = detail::target_traits<Target>;

 public:
  /// What a call returns: an owner where the function itself returns a view.
  using result_type = typename traits::result;
  /// What a call brings back that has been started and is waited for elsewhere: for a function with
  /// parameters that are in and out the tuple of the result, unless that is void, and a
  /// `std::vector` for each of those.
  using answer_type = typename traits::answer;

  constexpr explicit remote_function(std::string_view name, Leading... leading)
      : name_(name), leading_(std::move(leading)...) {}

  /// Calls and waits. **Errors**: throws `call_error`, or the function's own exception where
  /// `MODAL_EXCEPTION` registered its type.
  template <class... A>
  requires(!traits::has_inout) result_type operator()(const A&... arguments) const {
    return try_call(arguments...).value();
  }
  /// The same of a function with parameters that are in and out.
  template <class... A>
  requires(traits::has_inout) result_type operator()(A&&... arguments) const {
    return try_call(std::forward<A>(arguments)...).value();
  }

  /// Calls and waits; errors are returned.
  template <class... A>
  requires(!traits::has_inout) result<result_type> try_call(const A&... arguments)
  const {
    client& where = target_client();
    auto answer = call(where, arguments...);
    if (!answer) return answer.error();
    return detail::decode_result<result_type>(answer->body, where.bounds());
  }
  /// The same of a function with parameters that are in and out: what is passed for them must be
  /// lvalues, or spans, and is changed only where the call succeeds.
  template <class... A>
  requires(traits::has_inout) result<result_type> try_call(A&&... arguments)
  const {
    const auto changed =
        changed_ranges(typename Target::parameters{}, std::forward<A>(arguments)...);
    client& where = target_client();
    auto answer = call(where, arguments...);
    if (!answer) return answer.error();
    return detail::decode_inout<result_type>(answer->body, where.bounds(), changed);
  }

  /// Starts the call and returns at once. Arguments are moved or copied into the call; of a view
  /// (`std::span`, `std::string_view`) the memory must live until the call is over.
  /// **Errors**: throws `call_error` with `bad_configuration` for options that cannot work; all
  /// others end the call.
  template <class... A>
  call_handle<answer_type> spawn(A&&... arguments) const {
    using stored = stored_call<std::decay_t<A>...>;
    const auto state = make<detail::spawned_call<stored>>(std::forward<A>(arguments)...);
    client& where = target_client();
    state->id = call_id::random();
    state->bounds = where.bounds();
    state->call = where.prepare(outgoing(state->stored.arguments(), state->id), state);
    state->call->begin();
    return call_handle<answer_type>(state);
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

  /// Returns this function with its result, a list of flat elements, written to `place`, which must
  /// live until the call has returned: no vector is made.
  ///
  ///     std::span<float> out = modal::remote<filters::blur>.into(mine)(pixels, size, 2.F);
  template <class R = result_type>
  requires(detail::is_flat_vector<R> && !traits::has_inout)  //
      [[nodiscard]] constexpr auto into(std::span<typename R::value_type> place) const {
    return remote_into<remote_function, typename R::value_type>(*this, place);
  }

  /// Returns the wire name.
  [[nodiscard]] constexpr std::string_view name() const noexcept { return name_; }
  [[nodiscard]] constexpr const call_options& options() const noexcept { return options_; }

  /// Returns the signature that calls announce.
  [[nodiscard]] static const function_signature& signature() { return traits::signature(); }

  /// Calls, waits, and returns the answer as it came.
  template <class... A>
  result<detail::incoming_answer> call(client& where, const A&... arguments) const {
    payload sent;
    encode(sent, arguments...);
    return where.call(outgoing(sent, call_id::random()));
  }

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
  template <class... P, class... A>
  static auto changed_ranges(detail::type_list<P...>, A&&... arguments) {
    static_assert(sizeof...(Leading) == 0,
                  "modal: a function with parameters that are in and out cannot be bound");
    static_assert(sizeof...(P) == sizeof...(A),
                  "modal: the function takes another number of arguments");
    return std::tuple_cat(detail::changed_part<P>(std::forward<A>(arguments))...);
  }

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
