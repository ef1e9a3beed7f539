// SPDX-License-Identifier: Apache-2.0
#include <modal/function/context.hpp>
#include <modal/function/exception.hpp>

#include "dispatch/dispatcher_core.hpp"

#include <algorithm>
#include <cxxabi.h>
#include <new>

namespace modal::detail {
namespace {

error failure_of(errc what, std::string type, std::string message) {
  error failure(what, std::move(message));
  failure.details().exception_type = std::move(type);
  return failure;
}

// What an exception means depends on how far the run came: before the function it is the caller's
// bytes that are wrong, in it the function failed, after it the result cannot be sent.
errc meaning_of(invocation::stage reached) noexcept {
  return reached == invocation::stage::decode ? errc::malformed_payload : errc::function_failed;
}

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
    which.target->descriptor->invoke(work);
    return check_result(which, config.bounds);
  } catch (const call_error& thrown) {
    if (work.at != invocation::stage::run) return thrown.reason();
    // A function that itself calls remote functions: its failure is not this call's own.
    return failure_of(errc::function_failed, current_exception_type(), thrown.what());
  } catch (const std::bad_alloc& thrown) {
    if (work.at == invocation::stage::run)
      return failure_of(errc::function_failed, current_exception_type(), thrown.what());
    return error(work.at == invocation::stage::decode ? errc::too_large : errc::result_too_large,
                 "no memory for the values of the call");
  } catch (const std::exception& thrown) {
    return failure_of(meaning_of(work.at), current_exception_type(), thrown.what());
  } catch (...) {
    // A thread that is cancelled (pthread_cancel) unwinds as an exception that must go on.
    if (abi::__cxa_current_exception_type() == nullptr) throw;
    return failure_of(meaning_of(work.at), current_exception_type(),
                      "an exception that is no std::exception");
  }
} catch (const std::bad_alloc&) {  // not even for saying what went wrong
  return error(meaning_of(which.work.at));
}

}  // namespace modal::detail
