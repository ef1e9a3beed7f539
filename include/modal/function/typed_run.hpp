// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/clock.hpp>
#include <modal/base/error.hpp>
#include <modal/function/callable.hpp>
#include <modal/function/context.hpp>
#include <modal/function/device_transfer.hpp>
#include <modal/function/function_run.hpp>
#include <modal/gpu/current_stream.hpp>
#include <modal/wire/elsewhere.hpp>
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

#ifdef __CUDACC__
/// Throws a `device_error` where a kernel of this thread could not be launched, as with code for
/// other GPUs only: nothing else says so, and its results would be whatever was in memory. Other
/// errors are for the function to look at, which may have an answer to them.
/// **Source**: CUDA Runtime API, "Data types used by CUDA Runtime".
inline void check_launches() {
  const cudaError_t failure = ::cudaGetLastError();
  switch (failure) {
    case cudaErrorInvalidConfiguration:
    case cudaErrorInvalidDeviceFunction:
    case cudaErrorInvalidKernelImage:
    case cudaErrorNoKernelImageForDevice:
    case cudaErrorInvalidPtx:
    case cudaErrorUnsupportedPtxVersion:
    case cudaErrorJitCompilerNotFound:
    case cudaErrorJitCompilationDisabled:
    case cudaErrorLaunchOutOfResources:
    case cudaErrorLaunchFailure:
      throw device_error({errc::device_fault, std::string(::cudaGetErrorName(failure)) + " (" +
                                                  std::to_string(static_cast<int>(failure)) +
                                                  ") on " + std::string(this_call().device().name) +
                                                  ": " + ::cudaGetErrorString(failure)});
    default:
      return;
  }
}
#endif

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
  constexpr bool is_view = is_span<value_type> || std::is_same_v<value_type, std::string_view>;
  using kept_type = std::conditional_t<is_view, caller_type_t<value_type>, value_type>;
  const auto owner = [&] {
    if constexpr (is_view)
      return std::make_shared<kept_type>(result.begin(), result.end());
    else
      return std::make_shared<kept_type>(std::forward<R>(result));
  }();
  call.result.clear();
  output_archive{call.result}(std::as_const(*owner));
  if constexpr (std::is_same_v<kept_type, std::string> || is_flat_vector<kept_type>)
    call.result.keep_array(owner);
  else
    call.result.keep(owner);
}

/// Writes the elements of a device vector, of which there is a copy on the host now.
template <class T>
void encode_result(invocation& call, device_vector<T>&& result) {
  if (call.encoding == encoding::json) {
    json_writer writer(call.json);
    json_output_archive{writer}(result);
    return;
  }
  output_archive{call.result}(result);
  if (!call.result.segments().empty()) call.result.keep_array(result.move_to_host());
}

/// A run of `Target`: its arguments, and then its result.
template <class Target>
class typed_run final : public function_run {
  using traits = target_traits<Target>;
  using held = typename traits::held;
  using returned = decltype(traits::apply(std::declval<held&>()));
  using kept = std::conditional_t<std::is_void_v<returned>, std::monostate,
                                  std::optional<std::remove_cvref_t<returned>>>;
  static constexpr bool is_device_result = [] {
    if constexpr (std::is_void_v<returned>)
      return false;
    else
      return holds_elsewhere<std::remove_cvref_t<returned>>;
  }();
  using device_part = std::conditional_t<traits::uses_device, device_uploads, std::monostate>;

  void read_arguments(invocation& call) override {
    if (call.encoding == encoding::json) {
      request_ = std::make_unique<json_request>(call);
      std::apply([this](auto&... each) { request_->decode(each...); }, arguments_);
      return;
    }
    const payload_view view = call.parts != nullptr
                                  ? *call.parts
                                  : payload_view::parse(call.body, call.bounds->decode).value();
    input_archive archive(view, call.bounds->decode);
    std::apply([&archive](auto&... each) { archive(each...); }, arguments_);
    archive.finish();
  }

  void put_uploads(invocation& call) override {
    if constexpr (traits::uses_device) {
      const auto note = [this](auto& each) { uploads_.add(each); };
      std::apply([&note](auto&... each) { (visit_elsewhere(each, note), ...); }, arguments_);
      device_value(uploads_.put(gpu::current_stream(), call.body, call.pinned, call.arrived));
      call.device = uploads_.report();
    }
  }

  void call_function(invocation& /*call*/) override {
#ifdef __CUDACC__
    const bool is_on_gpu = !gpu::current_stream()->is_host();
    if (is_on_gpu) (void)::cudaGetLastError();  // what others have left
#endif
    if constexpr (std::is_void_v<returned>)
      traits::apply(arguments_);
    else
      result_.emplace(traits::apply(arguments_));
#ifdef __CUDACC__
    if (is_on_gpu) check_launches();
#endif
  }

  void put_download([[maybe_unused]] invocation& call) override {
    [[maybe_unused]] const auto copy = [&call](const auto* from, std::size_t size) {
      return copy_to_host(*gpu::current_stream(), from, size, &call.device, call.before_wait);
    };
    if constexpr (is_device_result)
      visit_elsewhere(*result_,
                      [&copy](auto& each) { each.set_host_copy(copy(each.data(), each.size())); });
    each_inout([&copy](auto& each) { each.back = copy(each.there.data(), each.there.size()); });
  }

  void write_result(invocation& call) override {
    if constexpr (is_device_result)
      visit_elsewhere(*result_, [](auto& each) { each.move_to_host(); });
    if constexpr (traits::has_inout) {
      if (call.encoding == encoding::json) return write_json(call);
    }
    if constexpr (!std::is_void_v<returned>)
      encode_result(call, *std::move(result_));
    else if (call.encoding == encoding::json)
      call.json = "null";
    each_inout([&call](auto& each) {
      const std::size_t segments = call.result.segments().size();
      output_archive{call.result}(each);
      if (call.result.segments().size() != segments) call.result.keep_array(std::move(each.back));
    });
  }

  // The tuple of the result and of what is in and out.
  void write_json(invocation& call) {
    json_writer writer(call.json);
    json_output_archive archive(writer);
    writer.begin_array();
    if constexpr (!std::is_void_v<returned>) archive(*result_);
    each_inout([&archive](auto& each) { archive(each); });
    writer.end_array();
  }

  template <class Visit>
  void each_inout(Visit&& visit) {
    if constexpr (traits::has_inout) {
      const auto look = [&visit](auto& each) {
        if constexpr (is_inout_argument<std::remove_reference_t<decltype(each)>>) visit(each);
      };
      std::apply([&look](auto&... each) { (look(each), ...); }, arguments_);
    }
  }

  std::unique_ptr<json_request> request_;  // the arguments' views refer to it
  held arguments_ = traits::make_held();
  [[no_unique_address]] kept result_;
  [[no_unique_address]] device_part uploads_;
};

/// The body of `function_descriptor::prepare` for `Target`.
template <class Target>
function_run& prepare(run_slot& where) {
  return where.emplace<typed_run<Target>>();
}

}  // namespace modal::detail
