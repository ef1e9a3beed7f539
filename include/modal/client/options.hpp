// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/clock.hpp>
#include <modal/base/error.hpp>
#include <modal/base/limits.hpp>
#include <modal/base/polling.hpp>
#include <modal/function/report.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace modal {

/// What to do when the connection ends after the whole request was sent and before the answer: the
/// function may or may not have run.
enum class on_lost : std::uint8_t {
  fail,  ///< report `connection_lost`; the default
  /// Try again, under the same id. An executor that knows the call gives its outcome, or lets it go
  /// on; one that does not, because it was restarted or it is long ago, runs the function again: so
  /// this is for functions that may run twice. A call that is cancelled is asked to stop ten
  /// seconds later, when nobody has asked for it again.
  repeat,
};

/// How one call is made: `modal::remote<f>.with({.timeout = 5s})(…)`. Plain values.
struct call_options {
  /// The longest the call may take, retries and waits included; not set: `client_config::timeout`.
  /// A call that a function makes ends with the function's own deadline, if that is earlier; and
  /// with `cancelled` when the function is asked to stop, as do those that it has spawned and not
  /// waited for yet.
  /// Of a time that is zero or less nothing is left: the call ends with `deadline_exceeded` at
  /// once.
  /// A call inside the process that a function makes and waits for may be run by the waiting thread
  /// itself: when its time is over, its function is asked to stop, and the wait ends with that.
  std::optional<std::chrono::milliseconds> timeout{};
  /// How many more attempts may follow the first: after `retry_later`, after a connection that
  /// failed before the whole request was sent, and as `lost` says. Never after anything else. Less
  /// than none is `bad_configuration`.
  int retries = 2;
  /// The wait before attempt n + 1 is drawn from [0, min(5 s, retry_delay × 2^n)] (full jitter),
  /// but is never shorter than the executor's retry-after. A wait beyond the deadline is not begun.
  /// Less than zero is `bad_configuration`.
  std::chrono::milliseconds retry_delay{50};
  on_lost lost = on_lost::fail;
  /// Where to write what the call cost; written before the call returns or its handler runs.
  call_report* report = nullptr;
  /// Where `modal::async` writes the text of an error, for handlers that take an `error_code`,
  /// which cannot hold it.
  diagnostics* details = nullptr;
  /// W3C trace context to send, or empty: then that of the call whose function makes this one, if
  /// there is any. Must live as long as the call. Any other text is
  /// `bad_configuration`.
  std::string_view traceparent{};
};

/// Settings of a `client`. A plain value.
struct client_config {
  client_limits limits{};
  /// Whether calls share a connection, a *session* (wire_protocol.md, section 10), where the
  /// executor has them, and nothing on the way to it is against that; large ones, of 1 MiB and
  /// more, share a second one. Else each call has a connection for itself.
  bool session = true;
  /// Whether sessions by TCP move to a Unix socket where an executor on this host offers one.
  bool local = true;
  /// How threads wait for what comes next on a session: see `polling`.
  polling poll = polling::guarded;
  /// The timeout of calls that set none. "Nothing waits without a deadline."
  std::chrono::milliseconds timeout{600'000};
  std::chrono::milliseconds connect_timeout{10'000};
  std::size_t idle_connections = 64;  ///< how many are kept warm; more are opened and closed again
  /// How long a connection may idle and still be used; below the executor's `idle_timeout`.
  std::chrono::milliseconds idle_timeout{60'000};
};

}  // namespace modal
