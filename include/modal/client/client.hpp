// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/bytes.hpp>
#include <modal/base/error.hpp>
#include <modal/client/options.hpp>
#include <modal/wire/payload.hpp>
#include <modal/wire/signature.hpp>

#include <functional>
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

using answer_handler = std::function<void(result<incoming_answer>)>;

/// Cancels an asynchronous call; harmless after it ended. Safe from any thread.
using call_canceller = std::function<void()>;

class transport;

}  // namespace detail

/// Holds the connections to one executor. **Thread safety**: safe to share; blocking calls drive
/// their own connection on the caller's thread, asynchronous ones share one background thread,
/// which the first of them starts. **Lifetime**: must outlive its calls; destruction cancels those
/// that are asynchronous, and runs their handlers.
class client {
 public:
  /// Never connects: the first call does. @param url `http://host[:port]` or `http+unix:///path`.
  /// **Errors**: throws `call_error` with `bad_configuration` for a URL or setting that cannot
  /// work.
  explicit client(std::string_view url, const client_config& config = {});

  /// A client of the executor inside this process. **Errors**: throws `call_error` with
  /// `bad_configuration` where no executor is linked.
  static client in_process(const client_config& config = {});

  client(client&&) noexcept;
  client& operator=(client&&) noexcept;
  ~client();

  /// Makes a call and waits for its end. What `modal::remote` uses.
  result<detail::incoming_answer> call(const detail::outgoing_call& outgoing);

  /// Starts a call. What `call` refers to must live until `done` has run, which it does exactly
  /// once, on the client's background thread, never before this returns.
  detail::call_canceller start(const detail::outgoing_call& outgoing, detail::answer_handler done);

 private:
  explicit client(std::unique_ptr<detail::transport> made);
  std::unique_ptr<detail::transport> transport_;
};

/// Returns the client that calls use which name none: of `MODAL_URL`, or, where that is not set, of
/// the executor inside this process. **Errors**: throws `call_error` with `bad_configuration` where
/// there is neither, or the URL is wrong.
client& default_client();

}  // namespace modal
