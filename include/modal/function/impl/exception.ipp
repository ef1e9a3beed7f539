// SPDX-License-Identifier: Apache-2.0
#include <modal/function/exception.hpp>

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

}  // namespace modal::detail
