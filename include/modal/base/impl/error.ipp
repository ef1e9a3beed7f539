// SPDX-License-Identifier: Apache-2.0
#include <modal/base/error.hpp>

#include <array>
#include <utility>

namespace modal {
namespace {

struct error_entry {
  errc value;
  condition reaction;
  std::string_view name;
  const char* text;
};

constexpr std::array error_table{
    error_entry{errc::queue_full, condition::retry_later, "queue_full", "the executor is busy"},
    error_entry{errc::draining, condition::retry_later, "draining", "the executor is stopping"},
    error_entry{errc::device_out_of_memory, condition::retry_later, "device_out_of_memory",
                "the device has no memory for it now"},
    error_entry{errc::connect_failed, condition::reconnect, "connect_failed",
                "no connection could be made"},
    error_entry{errc::connection_lost, condition::reconnect, "connection_lost",
                "the connection was lost before the answer came"},
    error_entry{errc::bad_response, condition::reconnect, "bad_response",
                "the answer breaks the protocol"},
    error_entry{errc::unknown_function, condition::not_supported, "unknown_function",
                "no such function is registered"},
    error_entry{errc::unsupported_media, condition::not_supported, "unsupported_media",
                "the body's type is not supported"},
    error_entry{errc::unsupported_feature, condition::not_supported, "unsupported_feature",
                "a required version or feature is not supported"},
    error_entry{errc::unknown_route, condition::not_supported, "unknown_route",
                "there is nothing at this path for this method"},
    error_entry{errc::no_device, condition::not_supported, "no_device",
                "there is no device that the function can use"},
    error_entry{errc::device_fault, condition::not_supported, "device_fault", "the device failed"},
    error_entry{errc::signature_mismatch, condition::caller_bug, "signature_mismatch",
                "caller and executor disagree about the function's signature"},
    error_entry{errc::malformed_payload, condition::caller_bug, "malformed_payload",
                "the payload does not hold what the signature says"},
    error_entry{errc::too_large, condition::caller_bug, "too_large", "a limit is exceeded"},
    error_entry{errc::malformed_request, condition::caller_bug, "malformed_request",
                "the request is malformed"},
    error_entry{errc::bad_configuration, condition::caller_bug, "bad_configuration",
                "the configuration cannot work"},
    error_entry{errc::duplicate_function, condition::caller_bug, "duplicate_function",
                "two functions have one name"},
    error_entry{errc::duplicate_call, condition::caller_bug, "duplicate_call",
                "a call with this id has begun before"},
    error_entry{errc::function_failed, condition::function_failed, "function_failed",
                "the function failed"},
    error_entry{errc::result_too_large, condition::function_failed, "result_too_large",
                "the function's result exceeds a limit"},
    error_entry{errc::cancelled, condition::cancelled, "cancelled", "the call was cancelled"},
    error_entry{errc::deadline_exceeded, condition::deadline, "deadline_exceeded",
                "the deadline passed"},
};

constexpr std::array<std::string_view, 8> condition_names{
    "none",       "retry_later",     "reconnect", "not_supported",
    "caller_bug", "function_failed", "cancelled", "deadline"};

const error_entry* find_entry(int value) noexcept {
  for (const auto& entry : error_table)
    if (static_cast<int>(entry.value) == value) return &entry;
  return nullptr;
}

// Boost's category has a destructor that is not virtual by design: categories are never deleted.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"

class modal_category final : public boost::system::error_category {
 public:
  constexpr modal_category() noexcept : error_category(0x9d3e6f1a52c4b807) {}
  const char* name() const noexcept override { return "modal"; }
  std::string message(int value) const override {
    const auto* entry = find_entry(value);
    return entry != nullptr ? entry->text : "unknown error";
  }
  bool equivalent(int value, const boost::system::error_condition& other) const noexcept override {
    const auto* entry = find_entry(value);
    if (entry != nullptr && other.category() == condition_category())
      return other.value() == static_cast<int>(entry->reaction);
    return error_category::equivalent(value, other);
  }
};

class modal_condition_category final : public boost::system::error_category {
 public:
  constexpr modal_condition_category() noexcept : error_category(0x2b71c8e0947fd635) {}
  const char* name() const noexcept override { return "modal.condition"; }
  std::string message(int value) const override {
    return std::string(to_string(static_cast<condition>(value)));
  }
};

#pragma GCC diagnostic pop

constexpr modal_category category_instance;
constexpr modal_condition_category condition_category_instance;

// Written once before main by the exception registry, read by every thread afterwards.
detail::exception_thrower registered_thrower = nullptr;

}  // namespace

const boost::system::error_category& error_category() noexcept { return category_instance; }
const boost::system::error_category& condition_category() noexcept {
  return condition_category_instance;
}

boost::system::error_code make_error_code(errc value) noexcept {
  return {static_cast<int>(value), category_instance};
}

boost::system::error_condition make_error_condition(condition value) noexcept {
  return {static_cast<int>(value), condition_category_instance};
}

condition to_condition(errc value) noexcept {
  const auto* entry = find_entry(static_cast<int>(value));
  return entry != nullptr ? entry->reaction : condition::reconnect;
}

std::string_view to_string(errc value) noexcept {
  const auto* entry = find_entry(static_cast<int>(value));
  return entry != nullptr ? entry->name : std::string_view{"unknown"};
}

std::string_view to_string(condition value) noexcept {
  const auto index = static_cast<std::size_t>(value);
  return index < condition_names.size() ? condition_names[index] : std::string_view{"unknown"};
}

bool from_string(std::string_view name, errc& out) noexcept {
  for (const auto& entry : error_table) {
    if (entry.name != name) continue;
    out = entry.value;
    return true;
  }
  return false;
}

error::error(errc value, std::string message) : code_(make_error_code(value)) {
  details_.message = std::move(message);
}

errc error::value() const noexcept {
  if (code_.category() == category_instance) return static_cast<errc>(code_.value());
  return errc::connection_lost;
}

std::string error::message() const {
  std::string text;
  if (!details_.function.empty()) text += details_.function + ": ";
  text += code_.message();
  if (!details_.exception_type.empty()) text += " with " + details_.exception_type;
  if (!details_.message.empty()) text += ": " + details_.message;
  return text;
}

call_error::call_error(error reason)
    : system_error(reason.code()), reason_(std::move(reason)), what_(reason_.message()) {}

void throw_error(const error& reason) {
  if (registered_thrower != nullptr && reason == errc::function_failed)
    registered_thrower(reason.details());
  throw call_error(reason);
}

void detail::set_exception_thrower(exception_thrower thrower) noexcept {
  registered_thrower = thrower;
}

}  // namespace modal
