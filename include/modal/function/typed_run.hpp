// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/clock.hpp>
#include <modal/base/error.hpp>
#include <modal/function/callable.hpp>
#include <modal/function/context.hpp>
#include <modal/function/device_transfer.hpp>
#include <modal/function/function_run.hpp>
#include <modal/gpu/current_stream.hpp>
#include <modal/wire/input_archive.hpp>
#include <modal/wire/json_archive.hpp>
#include <modal/wire/output_archive.hpp>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

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

  template <class... Argument>
  void decode(Argument&... arguments) {
    const json_view root(document);
    const json_view list = root.member("args");
    list.expect_array(sizeof...(Argument));
    json_input_archive archive(list, arena);
    archive(arguments...);
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

/// Writes an array that lies in host memory now.
template <class T>
void encode_array(invocation& call, std::shared_ptr<T[]> values, std::size_t size) {
  const std::span<const T> view(values.get(), size);
  if (call.encoding == encoding::json) {
    json_writer writer(call.json);
    json_output_archive{writer}(view);
    return;
  }
  output_archive{call.result}(view);
  if (!call.result.segments().empty()) call.result.keep_array(std::move(values));
}

template <class R>
struct element_of {
  using type = std::byte;
};
template <class T>
struct element_of<device_vector<T>> {
  using type = T;
};

/// What a run holds for a device.
template <class T>
struct device_side {
  device_uploads uploads;
  std::shared_ptr<T[]> result;  ///< as it comes down
};

/// A run of `Target`: its arguments, and then its result.
template <class Target>
class typed_run final : public function_run {
  using traits = target_traits<Target>;
  using held = typename traits::held;
  using returned = decltype(traits::apply(std::declval<held&>()));
  using kept = std::conditional_t<std::is_void_v<returned>, std::monostate,
                                  std::optional<std::remove_cvref_t<returned>>>;
  static constexpr bool is_device_result = is_device_vector<std::remove_cvref_t<returned>>;
  using element = typename element_of<std::remove_cvref_t<returned>>::type;
  using device_part = std::conditional_t<traits::uses_device, device_side<element>, std::monostate>;

  void read_arguments(invocation& call) override {
    if (call.encoding == encoding::json) {
      request_ = std::make_unique<json_request>(call);
      traits::visit_sent(arguments_, [this](auto&... each) { request_->decode(each...); });
      return;
    }
    const payload_view view = call.parts != nullptr
                                  ? *call.parts
                                  : payload_view::parse(call.body, call.bounds->decode).value();
    input_archive archive(view, call.bounds->decode);
    traits::visit_sent(arguments_, [&archive](auto&... each) { archive(each...); });
    archive.finish();
  }

  void put_uploads(const invocation& call) override {
    if constexpr (traits::uses_device) {
      const auto note = [this](auto& each) {
        if constexpr (requires { device_.uploads.add(each); }) device_.uploads.add(each);
      };
      std::apply([&note](auto&... each) { (note(each), ...); }, arguments_);
      device_value(device_.uploads.put(gpu::current_stream(), call.body, call.pinned));
    }
  }

  void call_function(invocation& /*call*/) override {
    if constexpr (std::is_void_v<returned>)
      traits::apply(arguments_);
    else
      result_.emplace(traits::apply(arguments_));
  }

  void put_download() override {
    if constexpr (is_device_result) {
      const auto& stream = gpu::current_stream();
      if (auto pinned = stream->take_pinned(result_->size_bytes()))
        device_.result = {pinned, reinterpret_cast<element*>(pinned.get())};
      else
        device_.result = std::make_shared_for_overwrite<element[]>(result_->size());
      device_value(stream->copy(device_.result.get(), result_->data(), result_->size_bytes(),
                                gpu::copy_kind::to_host));
    }
  }

  void write_result(invocation& call) override {
    if constexpr (is_device_result)
      encode_array(call, std::exchange(device_.result, nullptr), result_->size());
    else if constexpr (!std::is_void_v<returned>)
      encode_result(call, *std::move(result_));
    else if (call.encoding == encoding::json)
      call.json = "null";
  }

  std::unique_ptr<json_request> request_;  // the arguments' views refer to it
  held arguments_ = traits::make_held();
  [[no_unique_address]] kept result_;
  [[no_unique_address]] device_part device_;
};

/// The body of `function_descriptor::prepare` for `Target`.
template <class Target>
function_run& prepare(run_slot& where) {
  return where.emplace<typed_run<Target>>();
}

}  // namespace modal::detail
