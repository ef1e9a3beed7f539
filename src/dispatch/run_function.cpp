// SPDX-License-Identifier: Apache-2.0
#include "dispatch/run_function.hpp"

#include <modal/function/exception.hpp>
#include <modal/gpu/current_stream.hpp>

#include "dispatch/call.hpp"
#include "dispatch/dispatcher.hpp"
#include "dispatch/dispatcher_core.hpp"

#include <algorithm>
#include <cxxabi.h>
#include <new>

namespace modal::detail {
namespace {

std::optional<error> check_result(const call& which, const limits& bounds) {
  const bool is_json = which.encoding == encoding::json;
  const std::size_t size = is_json ? which.work.json.size() : which.work.result.wire_size();
  const std::size_t limit =
      is_json ? std::min(bounds.json_body_bytes, bounds.body_bytes) : bounds.body_bytes;
  if (size <= limit) return std::nullopt;
  return error(errc::result_too_large, "the result has " + std::to_string(size) +
                                           " bytes, the executor's limit is " +
                                           std::to_string(limit));
}

}  // namespace

call_context make_context(call& which, const dispatcher_config& config) {
  call_device on;
  if (which.target->uses_device()) {
    device_slot& there = *config.devices[which.device];
    const device_info& info = there.which().info();
    on = {there.name(), info.model, info.index, there.which().memory().limit};
  }
  return call_context({.id = which.head.id,
                       .attempt = which.attempt,
                       .depth = which.head.depth,
                       .deadline = which.deadline,
                       .stop = &which.stop,
                       .function = which.target->descriptor->name,
                       .traceparent = which.head.traceparent,
                       .sink = config.log ? &config.log : nullptr,
                       .device = on});
}

void set_input(call& which, const dispatcher_config& config) {
  invocation& work = which.work;
  work.encoding = which.encoding;
  work.body = which.body.block();
  work.parts = which.body.parts();
  work.pinned = which.body.pinned();
  work.bounds = &config.bounds;
  work.at = invocation::stage::decode;
}

std::optional<error> write_result(function_run& run, call& which, const dispatcher_config& config) {
  // It was answered meanwhile: too late, or cancelled. Nobody wants what may take long to write.
  if (which.stop.is_requested()) return error(errc::cancelled);
  run.encode(which.work);
  return check_result(which, config.bounds);
}

error failure_now(const call& which) {
  // A thread that is cancelled (pthread_cancel) unwinds as an exception that must go on.
  if (abi::__cxa_current_exception_type() == nullptr) throw;
  try {
    return failure_of_exception(which.work.at);
  } catch (const std::bad_alloc&) {  // not even for saying what went wrong
    return error(which.work.at == invocation::stage::decode ? errc::too_large
                                                            : errc::function_failed);
  }
}

std::optional<error> run_function(call& which, const dispatcher_config& config) {
  const call_context context = make_context(which, config);
  const call_scope scope(context);
  // Also where it runs on the thread of a function that uses a device and waits for it.
  const gpu::stream_scope on_host(nullptr);
  set_input(which, config);
  try {
    run_slot where;
    function_run& run = which.target->descriptor->prepare(where);
    run.decode(which.work);
    run.run(which.work);
    return write_result(run, which, config);
  } catch (...) {
    return failure_now(which);
  }
}

}  // namespace modal::detail
