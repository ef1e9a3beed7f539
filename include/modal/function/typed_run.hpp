// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/clock.hpp>
#include <modal/base/error.hpp>
#include <modal/function/callable.hpp>
#include <modal/function/context.hpp>
#include <modal/function/function_run.hpp>
#include <modal/wire/input_archive.hpp>
#include <modal/wire/json_archive.hpp>
#include <modal/wire/output_archive.hpp>

#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

/// @file
/// From the bytes of a call to the function and back.

namespace modal::detail {

/// Throws `deadline_exceeded` or `cancelled` if nobody waits for the call of this thread any more.
/// The token is stopped at the deadline too, but by another thread that may be late.
inline void check_call_goes_on() {
  const call_context& context = this_call();
  if (context.deadline() != never && real_clock().now() >= context.deadline())
    throw_error({errc::deadline_exceeded, "the deadline passed while the arguments were decoded"});
  if (context.stop_requested())
    throw_error({errc::cancelled, "the call was cancelled while its arguments were decoded"});
}

/// A JSON request. It lives while the function runs: its views refer to it.
struct json_request {
  explicit json_request(const invocation& call)
      : document({reinterpret_cast<const char*>(call.body.data()), call.body.size()},
                 call.bounds->decode, check_call_goes_on) {}
  json_document document;
  json_arena arena;

  template <class Held>
  void decode(Held& arguments) {
    const json_view root(document);
    const json_view list = root.member("args");
    list.expect_array(std::tuple_size_v<Held>);
    json_input_archive archive(list, arena);
    std::apply([&archive](auto&... each) { archive(each...); }, arguments);
  }
};

template <class T>
inline constexpr bool is_flat_vector = false;
template <class T>
inline constexpr bool is_flat_vector<std::vector<T>> = is_bitwise<T>;

template <class R>
void encode_result(invocation& call, R&& result) {
  using value_type = std::remove_cvref_t<R>;
  if (call.encoding == encoding::json) {
    json_writer writer(call.json);
    json_output_archive{writer}(result);
    return;
  }
  output_archive{call.result}(result);
  if (call.result.segments().empty()) return;
  // Large arrays are sent from where they lie: the result moves to where it can stay until then. A
  // view is copied, as what it refers to may be an argument, which ends with the run.
  const auto owner = [&] {
    using owner_type = caller_type_t<value_type>;
    if constexpr (std::is_same_v<owner_type, value_type>)
      return std::make_shared<value_type>(std::forward<R>(result));
    else
      return std::make_shared<owner_type>(result.begin(), result.end());
  }();
  call.result.clear();
  output_archive{call.result}(std::as_const(*owner));
  using kept_type = caller_type_t<value_type>;
  if constexpr (std::is_same_v<kept_type, std::string> || is_flat_vector<kept_type>)
    call.result.keep_array(owner);
  else
    call.result.keep(owner);
}

/// A run of `Target`: its arguments, and then its result.
template <class Target>
class typed_run final : public function_run {
  using traits = target_traits<Target>;
  using held = typename traits::held;
  using returned = decltype(traits::apply(std::declval<held&>()));
  using kept = std::conditional_t<std::is_void_v<returned>, std::monostate,
                                  std::optional<std::remove_cvref_t<returned>>>;

  void read_arguments(invocation& call) override {
    if (call.encoding == encoding::json) {
      request_ = std::make_unique<json_request>(call);
      request_->decode(arguments_);
      return;
    }
    const payload_view view = call.parts != nullptr
                                  ? *call.parts
                                  : payload_view::parse(call.body, call.bounds->decode).value();
    input_archive archive(view, call.bounds->decode);
    std::apply([&archive](auto&... each) { archive(each...); }, arguments_);
    archive.finish();
  }

  void call_function(invocation& /*call*/) override {
    if constexpr (std::is_void_v<returned>)
      traits::apply(arguments_);
    else
      result_.emplace(traits::apply(arguments_));
  }

  void write_result(invocation& call) override {
    if constexpr (!std::is_void_v<returned>)
      encode_result(call, *std::move(result_));
    else if (call.encoding == encoding::json)
      call.json = "null";
  }

  std::unique_ptr<json_request> request_;  // the arguments' views refer to it
  held arguments_ = traits::make_held();
  [[no_unique_address]] kept result_;
};

/// The body of `function_descriptor::prepare` for `Target`.
template <class Target>
function_run& prepare(run_slot& where) {
  return where.emplace<typed_run<Target>>();
}

}  // namespace modal::detail
