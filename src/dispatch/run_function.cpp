// SPDX-License-Identifier: Apache-2.0
#include <modal/function/context.hpp>
#include <modal/function/exception.hpp>

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

std::optional<error> run_function(call& which, const dispatcher_config& config) try {
  const call_context context({.id = which.head.id,
                              .attempt = which.attempt,
                              .depth = which.head.depth,
                              .deadline = which.deadline,
                              .stop = &which.stop,
                              .function = which.target->descriptor->name,
                              .traceparent = which.head.traceparent,
                              .sink = config.log ? &config.log : nullptr});
  const call_scope scope(context);
  invocation& work = which.work;
  work.encoding = which.encoding;
  work.body = which.body.block();
  work.parts = which.body.parts();
  work.bounds = &config.bounds;
  work.at = invocation::stage::decode;
  try {
    run_slot where;
    function_run& run = which.target->descriptor->prepare(where);
    run.decode(work);
    run.run(work);
    // It was answered meanwhile: too late, or cancelled. Nobody wants what may take long to write.
    if (which.stop.is_requested()) return error(errc::cancelled);
    run.encode(work);
    return check_result(which, config.bounds);
  } catch (...) {
    // A thread that is cancelled (pthread_cancel) unwinds as an exception that must go on.
    if (abi::__cxa_current_exception_type() == nullptr) throw;
    return failure_of_exception(work.at);
  }
} catch (const std::bad_alloc&) {  // not even for saying what went wrong
  return error(which.work.at == invocation::stage::decode ? errc::too_large
                                                          : errc::function_failed);
}

}  // namespace modal::detail
