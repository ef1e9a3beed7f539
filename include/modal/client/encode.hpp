// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/client/client.hpp>
#include <modal/function/callable.hpp>
#include <modal/wire/input_archive.hpp>
#include <modal/wire/output_archive.hpp>

#include <memory>

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

/// Writes one argument. Arrays in it are borrowed; what has to be converted first is kept.
template <class Held, class A>
void encode_argument(payload& out, const A& argument) {
  output_archive archive(out);
  if constexpr (std::is_same_v<Held, A>) {
    archive(argument);
  } else if constexpr (is_same_range<Held, A>()) {
    const std::span view(std::data(argument), std::size(argument));
    archive(view);
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
      return value;
    }
  } catch (const std::exception& failure) {  // a user's own `load` may throw anything
    return error(errc::bad_response, std::string("the result: ") + failure.what());
  } catch (...) {
    return error(errc::bad_response, "the result: reading it threw no std::exception");
  }
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
