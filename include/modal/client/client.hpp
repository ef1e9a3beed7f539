// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/bytes.hpp>
#include <modal/base/error.hpp>
#include <modal/client/options.hpp>
#include <modal/wire/payload.hpp>
#include <modal/wire/signature.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace modal {

namespace detail {

/// One call, erased: what `modal::remote` hands to a client.
struct outgoing_call {
  std::string_view function;
  const function_signature* signature = nullptr;
  payload* arguments = nullptr;
  call_options options{};
  call_id id{};
};

/// A result that arrived: the bytes of its payload, and what the call cost.
struct incoming_answer {
  buffer body;
  call_report report;
};

/// What waits for an asynchronous call.
class answer_sink {
 public:
  virtual ~answer_sink() = default;
  /// Takes the answer: once, on the client's background thread, when the call has let go of its
  /// arguments.
  virtual void on_answer(result<incoming_answer> answer) noexcept = 0;
};

/// An asynchronous call that was prepared. Safe from any thread.
class pending_call {
 public:
  virtual ~pending_call() = default;
  /// Starts it; once.
  virtual void begin() = 0;
  /// Ends it with `cancelled`, unless it is over. Before `begin`, ends it when it begins.
  virtual void cancel() noexcept = 0;
};

class transport;
class in_process_door;

}  // namespace detail

/// Holds the connections to one executor. **Thread safety**: safe to share; blocking calls drive
/// their own connection on the caller's thread, asynchronous ones share one background thread,
/// which the first of them starts. **Lifetime**: must outlive its calls; destruction ends those
/// that are asynchronous with `cancelled`, and runs their handlers; a handler may be what destroys
/// it. For an executor the caller has gone then: see `function_options::linger`.
/// **Processes**: a child made by `fork` cannot use
/// a client of its parent: calls end with `bad_configuration`.
class client {
 public:
  /// Never connects: the first call does. @param url `http://host[:port]` or `http+unix:///path`.
  /// **Errors**: throws `call_error` with `bad_configuration` for a URL or setting that cannot
  /// work.
  explicit client(std::string_view url, const client_config& config = {});

  /// A client of the executor inside this process. **Errors**: throws `call_error` with
  /// `bad_configuration` where no executor is linked.
  static client in_process(const client_config& config = {});

  /// A client whose calls go to `door`, which must outlive it: see `modal::testing`.
  static client of(detail::in_process_door& door, const client_config& config = {});

  client(client&&) noexcept;
  client& operator=(client&&) noexcept;
  ~client();

  /// Makes a call and waits for its end. What `modal::remote` uses.
  result<detail::incoming_answer> call(const detail::outgoing_call& outgoing);

  /// Prepares a call, which `begin` starts; so its canceller can be put in place before anything
  /// happens. What `outgoing` refers to must live until `sink` has the answer. **Errors**: throws
  /// `call_error` with `bad_configuration` for options that cannot work, `std::system_error` where
  /// the background thread cannot be started.
  std::shared_ptr<detail::pending_call> prepare(const detail::outgoing_call& outgoing,
                                                std::shared_ptr<detail::answer_sink> sink);

  /// Returns the bounds that results are decoded within.
  [[nodiscard]] const decode_limits& bounds() const noexcept;

 private:
  explicit client(std::unique_ptr<detail::transport> made);
  std::unique_ptr<detail::transport> transport_;
};

/// Returns the client that calls use which name none: of `MODAL_URL`, or, where that is not set, of
/// the executor inside this process. **Errors**: throws `call_error` with `bad_configuration` where
/// there is neither, or the URL is wrong.
client& default_client();

}  // namespace modal
