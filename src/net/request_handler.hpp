// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/error.hpp>
#include <modal/session/frames.hpp>
#include <modal/wire/incoming_body.hpp>

#include "http1/connection_fsm.hpp"
#include "http1/response_head.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

/// @file
/// All that a listener knows of those whom it serves: who decides about requests, takes bodies and
/// gives replies. The listener owns sockets and bytes; the handler owns what they mean.

namespace modal::detail {

/// Where a connection comes from.
struct peer_origin {
  /// The user whose process connected, where the kernel says that: on a Unix socket.
  std::optional<unsigned> user{};
  /// For a session's hello: the Unix socket that a peer on this host may use instead, if this is
  /// not it; and what tells it.
  std::string_view local_name{};
  std::string_view local_token{};
};

/// A reply that is to be written.
struct outgoing_reply {
  reply head;      ///< and its body, where that is text
  payload result;  ///< the body, where it is that
  bool has_result = false;
  /// What the body holds of somebody's memory; kept until it is written.
  std::shared_ptr<const void> memory;

  /// Forgets all; keeps the memory of short texts.
  void clear() noexcept;
};

/// Where a reply goes.
class reply_sink {
 public:
  virtual ~reply_sink() = default;
  /// The reply is in `request_exchange::answer()`. Once for each submitted body, from any thread.
  /// @param is_made false where there was no memory for it. @param goes_on the thread has something
  /// else to do: others may write the reply.
  virtual void on_reply(bool is_made, bool goes_on) noexcept = 0;
};

/// What came of a call on a session.
struct session_reply {
  std::optional<error> failure{};
  payload result{};
  executor_report report{};
  /// What the result holds of somebody's memory; kept until it is written.
  std::shared_ptr<const void> memory{};

  /// Forgets all; keeps memory.
  void clear() noexcept;
};

/// A function, as the handler knows it.
using callee = void*;

/// The handler's side of one call on a session, and then of the next one. All but `answer` of a
/// submitted body is for one thread.
class call_exchange {
 public:
  virtual ~call_exchange() = default;

  /// Decides about a call from its head alone. @param known its function, as `function` has said
  /// before, on this session; null: it is named. @param size of its payload; @param is_complete
  /// whether all of that has come. **Errors**: why it is refused.
  virtual result<connection_fsm::terms> open(const call_head& head, callee known, std::size_t size,
                                             bool is_complete) = 0;

  /// Returns the function of a call that was let in, which lives as long as the session.
  [[nodiscard]] virtual callee function() const noexcept = 0;

  /// As those of `request_exchange`.
  virtual result<bool> ask_memory(std::size_t total, std::function<void()> resume) = 0;
  virtual result<std::span<std::byte>> find_room(const segment_part& due,
                                                 std::function<void()> resume) = 0;
  virtual void submit(incoming_body body, std::shared_ptr<reply_sink> to) = 0;

  /// The reply that was to come is of no use any more; it comes all the same.
  virtual void cancel() = 0;
  /// The same, because the session has ended.
  virtual void lose() = 0;

  /// Ends the call whose body will not come: it counts as that.
  virtual void give_up(errc why) noexcept = 0;

  [[nodiscard]] virtual session_reply& answer() noexcept = 0;
  /// The reply is written, or of no use: lets go of what it holds. Must not block.
  virtual void drop_answer() noexcept = 0;
};

/// The handler's side of one session. For one thread.
class session_exchange {
 public:
  virtual ~session_exchange() = default;
  /// Returns what the executor says of itself.
  [[nodiscard]] virtual session_hello hello() const = 0;
  virtual std::shared_ptr<call_exchange> make_call() = 0;
};

/// The handler's side of one connection, which has one request at a time. All but `answer` of a
/// submitted body is for one thread.
class request_exchange {
 public:
  virtual ~request_exchange() = default;

  /// Decides about a request from its head alone. @param is_complete whether all of its body has
  /// come. @return what binds a request that is let in; else the reply is in `answer()`.
  virtual std::optional<connection_fsm::terms> open(const request_head& head, bool is_complete) = 0;

  /// Returns the handler's side of the session that the connection becomes, where that is what the
  /// request wants, and is let in; null: it is not. After `open` that let nothing in.
  virtual std::shared_ptr<session_exchange> take_session() = 0;

  /// Raises the memory that the body has to `total`. @return whether it is granted now. If not,
  /// `resume` runs when it is, on any thread; it must not call back, and only wakes whoever waits.
  virtual result<bool> ask_memory(std::size_t total, std::function<void()> resume) = 0;

  /// Finds room for a part of a large segment. Empty: there is none now; then as `ask_memory`.
  virtual result<std::span<std::byte>> find_room(const segment_part& due,
                                                 std::function<void()> resume) = 0;

  /// Hands the body over, of which the exchange has the large segments. The reply comes to `to`,
  /// perhaps at once.
  virtual void submit(incoming_body body, std::shared_ptr<reply_sink> to) = 0;

  /// The reply that was to come is of no use any more; it comes all the same.
  virtual void cancel() = 0;

  /// Ends the request, if there is one, whose body will not come, with the reply in `answer()`.
  /// @param status of the reply, where it is not the usual one of the error.
  virtual void fail(const error& reason, int status) = 0;

  /// Forgets the request, if there is one, and whoever waits for it: the client has gone.
  virtual void abandon() noexcept = 0;

  [[nodiscard]] virtual outgoing_reply& answer() noexcept = 0;

  /// The reply is written, or of no use: lets go of what it holds. Must not block.
  virtual void drop_answer() noexcept = 0;
};

/// Whom a listener serves. Safe to share between threads.
class request_handler {
 public:
  virtual ~request_handler() = default;
  /// Makes the other side of one more connection. @param origin its texts outlive that.
  virtual std::shared_ptr<request_exchange> connect(const peer_origin& origin) = 0;
};

}  // namespace modal::detail
