// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <string>
#include <string_view>

/// @file
/// The error model of the library (design/adr/0001-error-model.md).
///
/// An `errc` says what happened, in stable numbers that travel on the wire. A `condition` says what
/// the caller should do about it; retry code looks at conditions only. `diagnostics` carries the
/// text and the remote details that a code cannot hold. All types here are values: copying is safe
/// from any thread, and nothing refers to memory outside itself.

namespace modal {

/// What happened. The numbers are stable and are part of the wire protocol.
enum class errc : int {
  // The executor cannot take the call now.
  queue_full = 10,  ///< the function's queue, or a bound on bytes or connections, is reached
  draining = 11,    ///< the executor is stopping and takes no new calls
  device_out_of_memory = 12,  ///< a device, or the memory locked for it, has no room now
  // The way to the executor broke.
  connect_failed = 20,   ///< no connection could be made; nothing was sent
  connection_lost = 21,  ///< the connection ended after the request was sent, before the answer
  bad_response = 22,     ///< the peer's answer is not one that this protocol allows
  // The executor does not offer this.
  unknown_function = 30,     ///< no function of that name is registered there
  unsupported_media = 31,    ///< the body is of a type that the route does not take
  unsupported_feature = 32,  ///< the peer requires a version or feature that this side lacks
  unknown_route = 33,        ///< no such path, or not with this method
  no_device = 34,            ///< no device there is what the function needs
  device_fault = 35,  ///< the device failed; until the executor's process ends it serves nobody
  // The caller's program is wrong.
  signature_mismatch = 40,  ///< both know the name, but with different parameters or result
  malformed_payload = 41,   ///< the bytes are not a value of the type they should hold
  too_large = 42,           ///< a bound of `limits` is exceeded
  malformed_request = 43,   ///< the request breaks HTTP or this protocol
  bad_configuration = 44,   ///< a URL, option or registration that cannot work
  duplicate_function = 45,  ///< two functions are registered under one name
  duplicate_call = 46,      ///< a call with this id has begun before; it is not run twice
  // The function itself.
  function_failed = 50,   ///< the function threw; `diagnostics` has the type and the text
  result_too_large = 51,  ///< the function returned more than the executor may send
  // The caller ended it.
  cancelled = 60,  ///< cancelled by the caller, or its connection was closed
  // Time ended it.
  deadline_exceeded = 70,  ///< the deadline passed before the result was there
};

/// What the caller should do about an error.
enum class condition : int {
  retry_later = 1,      ///< the same call may succeed after a while
  reconnect = 2,        ///< the connection is gone; the call may or may not have run
  not_supported = 3,    ///< this executor does not offer it; another one may
  caller_bug = 4,       ///< repeating the call cannot help; the program must change
  function_failed = 5,  ///< the function ran and failed
  cancelled = 6,        ///< somebody asked for this
  deadline = 7,         ///< time is up
};

/// Returns the category "modal" of `errc`.
const boost::system::error_category& error_category() noexcept;

/// Returns the category "modal.condition" of `condition`.
const boost::system::error_category& condition_category() noexcept;

boost::system::error_code make_error_code(errc value) noexcept;
boost::system::error_condition make_error_condition(condition value) noexcept;

/// Returns what to do about `value`.
condition to_condition(errc value) noexcept;

/// Returns the stable name of `value` on the wire, such as "queue_full".
std::string_view to_string(errc value) noexcept;
std::string_view to_string(condition value) noexcept;

/// Finds the value that has this wire name. Returns false, and leaves `out` alone, if none has.
bool from_string(std::string_view name, errc& out) noexcept;

/// The text and the remote details of an error. Empty fields are unknown.
struct diagnostics {
  std::string message;         ///< one sentence for a person
  std::string function;        ///< wire name of the function
  std::string call_id;         ///< id of the call, 32 hexadecimal digits
  std::string exception_type;  ///< of `function_failed`: the C++ type that was thrown
  std::string signature;       ///< of `signature_mismatch`: the executor's signature text
  std::chrono::milliseconds retry_after{
      0};  ///< of `retry_later`: how long the executor asks to wait

  friend bool operator==(const diagnostics&, const diagnostics&) = default;
};

/// A failure: a code and its diagnostics. The error type of `result`.
class error {
 public:
  error() = default;

  /// Constructs from a value of `errc`, and a sentence that says more than the value's own text.
  error(errc value, std::string message = {});

  error(boost::system::error_code code, diagnostics details)
      : code_(code), details_(static_cast<diagnostics&&>(details)) {}

  [[nodiscard]] const boost::system::error_code& code() const noexcept { return code_; }

  /// Returns the code as `errc`. **Errors**: codes of other categories give `connection_lost`.
  [[nodiscard]] errc value() const noexcept;

  /// Returns what the caller should do.
  [[nodiscard]] modal::condition condition() const noexcept { return to_condition(value()); }

  [[nodiscard]] const modal::diagnostics& details() const noexcept { return details_; }
  [[nodiscard]] modal::diagnostics& details() noexcept { return details_; }

  /// Returns the text of the code and of the diagnostics in one line.
  [[nodiscard]] std::string message() const;

  friend bool operator==(const error& a, errc b) noexcept { return a.value() == b; }
  friend bool operator==(const error& a, modal::condition b) noexcept { return a.condition() == b; }

 private:
  boost::system::error_code code_;
  modal::diagnostics details_;
};

/// A value or the `error` that took its place. `.value()` throws: the function's own exception
/// where `MODAL_EXCEPTION` registered its type, else `call_error`.
template <class T>
using result = boost::system::result<T, error>;

/// Thrown where a `result` would carry an `error`.
class call_error : public boost::system::system_error {
 public:
  explicit call_error(error reason);

  [[nodiscard]] const error& reason() const noexcept { return reason_; }
  [[nodiscard]] modal::condition condition() const noexcept { return reason_.condition(); }
  [[nodiscard]] const diagnostics& details() const noexcept { return reason_.details(); }
  [[nodiscard]] const char* what() const noexcept override { return what_.c_str(); }

 private:
  error reason_;
  std::string what_;
};

/// Throws what `reason` stands for: the function's own exception where its type is registered with
/// `MODAL_EXCEPTION`, else `call_error`.
[[noreturn]] void throw_error(const error& reason);

/// Found by Boost.System: makes `result::value()` throw as `throw_error` does.
[[noreturn]] inline void throw_exception_from_error(const error& reason,
                                                    const boost::source_location&) {
  throw_error(reason);
}

namespace detail {
/// Raises the registered exception that `details` names, or returns if there is none.
using exception_thrower = void (*)(const diagnostics& details);

/// Set once, by the exception registry, before `main` (see function/exception.hpp).
void set_exception_thrower(exception_thrower thrower) noexcept;
}  // namespace detail

}  // namespace modal

template <>
struct boost::system::is_error_code_enum<modal::errc> : std::true_type {};
template <>
struct boost::system::is_error_condition_enum<modal::condition> : std::true_type {};
