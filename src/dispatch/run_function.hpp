// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/error.hpp>
#include <modal/function/context.hpp>
#include <modal/function/function_run.hpp>

#include <optional>

namespace modal::detail {

struct call;
struct dispatcher_config;

/// Runs the function of `which` on this thread, and turns whatever it throws into an error. For
/// functions that use no device.
std::optional<error> run_function(call& which, const dispatcher_config& config);

// The parts of it, which a `device_run` takes one by one.

/// Returns what the function can know about its call.
call_context make_context(call& which, const dispatcher_config& config);
/// Sets what comes into `call::work`.
void set_input(call& which, const dispatcher_config& config);
/// Writes the result of `run`, if somebody wants it still and it is not too large.
std::optional<error> write_result(function_run& run, call& which, const dispatcher_config& config);
/// Returns what the exception that is being handled means; one that ends its thread goes on.
error failure_now(const call& which);

}  // namespace modal::detail
