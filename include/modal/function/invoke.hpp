// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/clock.hpp>
#include <modal/base/error.hpp>
#include <modal/function/callable.hpp>
#include <modal/function/context.hpp>
#include <modal/function/descriptor.hpp>
#include <modal/wire/input_archive.hpp>
#include <modal/wire/json_archive.hpp>
#include <modal/wire/output_archive.hpp>

#include <chrono>

/// @file
/// From the bytes of a call to the function and back: the body of `function_descriptor::invoke`.

namespace modal::detail {

/// Adds the time until its destruction to `sum`.
class stopwatch {
 public:
  explicit stopwatch(std::chrono::nanoseconds& sum) noexcept
      : sum_(sum), start_(std::chrono::steady_clock::now()) {}
  ~stopwatch() { sum_ += std::chrono::steady_clock::now() - start_; }
  stopwatch(const stopwatch&) = delete;
  stopwatch& operator=(const stopwatch&) = delete;

 private:
  std::chrono::nanoseconds& sum_;
  std::chrono::steady_clock::time_point start_;
};

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
  call.result.keep(owner);
}

template <class Traits>
void run_decoded(invocation& call, typename Traits::held& arguments) {
  using returned = decltype(Traits::apply(arguments));
  call.at = invocation::stage::run;
  if constexpr (std::is_void_v<returned>) {
    {
      const stopwatch running(call.run_time);
      Traits::apply(arguments);
    }
    if (call.encoding == encoding::json) call.json = "null";
  } else {
    auto result = [&]() -> std::remove_cvref_t<returned> {
      const stopwatch running(call.run_time);
      return Traits::apply(arguments);
    }();
    call.at = invocation::stage::encode;
    const stopwatch encoding_it(call.encode_time);
    encode_result(call, std::move(result));
  }
  call.at = invocation::stage::done;
}

/// The body of `function_descriptor::invoke` for `Target`.
template <class Target>
void invoke(invocation& call) {
  using traits = target_traits<Target>;
  auto arguments = traits::make_held();
  call.at = invocation::stage::decode;
  if (call.encoding == encoding::json) {
    std::unique_ptr<json_request> request;
    {
      const stopwatch decoding(call.decode_time);
      request = std::make_unique<json_request>(call);
      request->decode(arguments);
    }
    run_decoded<traits>(call, arguments);
    return;
  }
  {
    const stopwatch decoding(call.decode_time);
    const payload_view view = call.parts != nullptr
                                  ? *call.parts
                                  : payload_view::parse(call.body, call.bounds->decode).value();
    input_archive archive(view, call.bounds->decode);
    std::apply([&archive](auto&... each) { archive(each...); }, arguments);
    archive.finish();
  }
  run_decoded<traits>(call, arguments);
}

}  // namespace modal::detail
