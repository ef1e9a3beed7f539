// SPDX-License-Identifier: Apache-2.0
#include <modal/function/exception.hpp>
#include <modal/gpu/device_error.hpp>

#include <cstdlib>
#include <cxxabi.h>
#include <map>
#include <memory>

namespace modal::detail {
namespace {

using exception_map = std::map<std::string, exception_thrower, std::less<>>;

// Part of what the macros fill before main: only read afterwards.
exception_map& registered_exceptions() {
  static exception_map map;
  return map;
}

void throw_registered(const diagnostics& details) {
  const auto& map = registered_exceptions();
  if (const auto found = map.find(details.exception_type); found != map.end())
    found->second(details);
}

}  // namespace

void register_exception(std::string_view type_name, exception_thrower thrower) {
  registered_exceptions().insert_or_assign(std::string(type_name), thrower);
  set_exception_thrower(&throw_registered);
}

std::string current_exception_type() {
  const std::type_info* type = abi::__cxa_current_exception_type();
  if (type == nullptr) return "unknown";
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(
      abi::__cxa_demangle(type->name(), nullptr, nullptr, &status), &std::free);
  return status == 0 ? name.get() : type->name();
}

error failure_of_exception(invocation::stage reached) {
  const auto failed = [](errc what, std::string message) {
    error failure(what, std::move(message));
    failure.details().exception_type = current_exception_type();
    return failure;
  };
  const errc meaning =
      reached == invocation::stage::decode ? errc::malformed_payload : errc::function_failed;
  try {
    throw;
  } catch (const device_error& thrown) {
    return thrown.reason();
  } catch (const call_error& thrown) {
    // A function that itself calls remote functions: its failure is not this call's own.
    return reached == invocation::stage::run ? failed(errc::function_failed, thrown.what())
                                             : thrown.reason();
  } catch (const std::bad_alloc& thrown) {
    if (reached == invocation::stage::run) return failed(errc::function_failed, thrown.what());
    return {reached == invocation::stage::decode ? errc::too_large : errc::result_too_large,
            "no memory for the values of the call"};
  } catch (const std::exception& thrown) {
    return failed(meaning, thrown.what());
  } catch (...) {
    return failed(meaning, "an exception that is no std::exception");
  }
}

}  // namespace modal::detail
