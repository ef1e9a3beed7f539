// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/client/client.hpp>
#include <modal/function/callable.hpp>
#include <modal/wire/input_archive.hpp>
#include <modal/wire/output_archive.hpp>

#include <cstring>
#include <memory>
#include <span>
#include <tuple>

/// @file
/// From a caller's arguments to a payload, and from an answer to a result.

namespace modal::detail {

template <class A>
concept contiguous_range = requires(const A& range) {
  std::data(range);
  std::size(range);
};

/// Returns whether an argument of type `A` lies on the wire as a parameter held as `Held`: ranges
/// of the same bitwise elements do, whatever owns them.
template <class Held, class A>
consteval bool is_same_range() {
  if constexpr (contiguous_range<A> && (is_span<Held> || flat_range<Held>)) {
    using element = std::remove_cvref_t<decltype(*std::data(std::declval<const A&>()))>;
    using wanted = std::remove_const_t<typename Held::value_type>;
    if constexpr (std::is_same_v<element, wanted>)
      return is_bitwise<element>;
    else
      return false;
  } else {
    return false;
  }
}

/// Whether an argument owns a tensor that lies on the wire as `Held` does.
template <class Held, class A>
inline constexpr bool is_same_tensor = false;
template <class T, std::size_t Rank>
inline constexpr bool is_same_tensor<tensor_view<const T, Rank>, tensor<T, Rank>> = true;

/// Writes one argument. Arrays in it are borrowed; what has to be converted first is kept.
template <class Held, class A>
void encode_argument(payload& out, const A& argument) {
  static_assert(
      !requires { typename A::views_elsewhere; } || requires { A::rank; },
      "modal: a device_span cannot be sent: it may refer to memory of a device; pass what "
      "lies on the host");
  output_archive archive(out);
  if constexpr (std::is_same_v<Held, A>) {
    archive(argument);
  } else if constexpr (is_same_tensor<Held, A>) {
    archive(argument);  // it knows where it is, which a view of it does not
  } else if constexpr (is_same_range<Held, A>()) {
    if constexpr (elsewhere_like<A>) {
      archive(argument);
    } else {
      const std::span view(std::data(argument), std::size(argument));
      archive(view);
    }
  } else if constexpr (category_of<Held> == category::text &&
                       std::is_convertible_v<const A&, std::string_view>) {
    const std::string_view view(argument);
    archive(view);
  } else {
    static_assert(std::is_convertible_v<const A&, Held>,
                  "modal: an argument cannot be converted to the parameter of the function");
    if constexpr (is_bitwise<Held>) {
      const Held converted = argument;
      archive(converted);
    } else {
      auto converted = std::make_shared<const Held>(argument);
      archive(*converted);
      out.keep(std::move(converted));
    }
  }
}

template <class... P, class... A>
void encode_arguments(type_list<P...>, payload& out, const A&... arguments) {
  static_assert(sizeof...(P) == sizeof...(A),
                "modal: the function takes another number of arguments (default arguments are not "
                "known to a remote caller)");
  (encode_argument<typename parameter<P>::sent>(out, arguments), ...);
}

/// Gives memory of their own to device vectors inside of a result that refer to the answer's bytes:
/// where no device is, it is the host's.
template <class R>
void bring_home(R& value) {
  if constexpr (holds_elsewhere<R>) {
    const std::shared_ptr<gpu::stream> stream = gpu::current_stream();
    device_uploads uploads;
    // Nothing that is read goes before the copies are made, whatever fails.
    const std::unique_ptr<gpu::stream, void (*)(gpu::stream*)> drained(
        stream.get(), [](gpu::stream* which) { which->drain(); });
    visit_elsewhere(value, [&uploads](auto& each) { uploads.add(each); });
    device_value(uploads.put(stream, {}));
  }
}

/// Returns where the elements of an argument are to be changed.
template <class T, class A>
std::span<T> changed_range(A&& argument) {
  using plain = std::remove_cvref_t<A>;
  static_assert(
      contiguous_range<plain> &&
          (std::is_lvalue_reference_v<A> || is_span<plain>)&&  //
          std::is_convertible_v<decltype(std::data(argument)), T*> &&
          std::is_same_v<std::remove_cvref_t<decltype(*std::data(argument))>, T>,
      "modal: what is passed for a device_span<T> is changed by the call: pass an lvalue that "
      "holds elements of just that type together, as a std::vector does");
  return {std::data(argument), std::size(argument)};
}

/// Reads the result of a call. **Errors**: `bad_response` for bytes that are no `R`, and for
/// whatever a user's own reading throws.
template <class R>
result<R> decode_result(const buffer& body, const decode_limits& bounds) {
  try {
    const payload_view view = payload_view::parse(body.view(), bounds).value();
    input_archive archive(view, bounds);
    if constexpr (std::is_void_v<R>) {
      archive.finish();
      return {};
    } else {
      auto value = make_default<R>();
      archive(value);
      archive.finish();
      bring_home(value);
      return value;
    }
  } catch (const std::exception& failure) {  // a user's own `load` may throw anything
    return error(errc::bad_response, std::string("the result: ") + failure.what());
  } catch (...) {
    return error(errc::bad_response, "the result: reading it threw no std::exception");
  }
}

/// Returns where the argument for a parameter `P` is to be changed: nowhere, or in one range.
template <class P, class A>
auto changed_part(A&& argument) {
  if constexpr (parameter<P>::is_inout)
    return std::tuple(
        changed_range<typename parameter<P>::held::value_type>(std::forward<A>(argument)));
  else
    return std::tuple<>();
}

/// Reads what a call brings back into the ranges `into`, and returns the result of the function. On
/// an error nothing is changed. **Errors**: as `decode_result`.
template <class R, class... T>
result<R> decode_inout(const buffer& body, const decode_limits& bounds,
                       const std::tuple<std::span<T>...>& into) {
  auto answer =
      decode_result<typename answer_of_call<R, std::span<const T>...>::type>(body, bounds);
  if (!answer) return std::move(answer).error();
  constexpr std::size_t first = std::is_void_v<R> ? 0 : 1;
  const auto each = [&]<std::size_t... I>(std::index_sequence<I...>, auto visit) {
    (visit(std::get<first + I>(*answer), std::get<I>(into)), ...);
  };
  constexpr auto all = std::index_sequence_for<T...>();
  bool fits = true;
  each(all, [&fits](const auto& from, auto to) { fits = fits && from.size() == to.size(); });
  if (!fits) return error(errc::bad_response, "an argument came back with another size");
  each(all, [](const auto& from, auto to) {
    if (!to.empty()) std::memcpy(to.data(), from.data(), to.size_bytes());
  });
  if constexpr (std::is_void_v<R>)
    return {};
  else
    return std::get<0>(*std::move(answer));
}

/// How an argument is held by an asynchronous call. Views stay views, of memory that the caller
/// keeps; C strings become strings.
template <class A>
struct stored_argument {
  using type = std::decay_t<A>;
};
template <class A>
requires std::is_same_v < std::decay_t<A>,
const char* > || std::is_same_v<std::decay_t<A>, char*> struct stored_argument<A> {
  using type = std::string;
};

/// The arguments of an asynchronous call, and their payload, which borrows from them: pinned.
template <class Target, class... Stored>
class stored_call {
 public:
  template <class... A>
  explicit stored_call(A&&... arguments) : arguments_(std::forward<A>(arguments)...) {
    std::apply(
        [this](const auto&... each) {
          encode_arguments(typename Target::parameters{}, payload_, each...);
        },
        arguments_);
  }
  stored_call(const stored_call&) = delete;
  stored_call& operator=(const stored_call&) = delete;

  payload& arguments() noexcept { return payload_; }

 private:
  std::tuple<Stored...> arguments_;
  payload payload_;
};

}  // namespace modal::detail
