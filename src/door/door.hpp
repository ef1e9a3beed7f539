// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/wire/http_call.hpp>

#include "dispatch/dispatcher.hpp"
#include "http1/request_reader.hpp"
#include "http1/response_head.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// @file
/// What HTTP requests mean to an executor, without sockets: a request head in, then either an
/// answer or a call that wants a body. Shared by the listener and by the mount in a host's own
/// server.

namespace modal::detail {

class routes;

/// A request, and who makes it.
struct incoming_request {
  const request_head& head;
  principal_ptr caller{};
};

/// A call that was let in, and what the head of its answer is to have besides.
struct opened_call {
  ticket admitted;
  std::string answer_fields;
  /// The connection is to become a session; whoever has none to give writes the answer, which says
  /// that HTTP serves as well.
  bool wants_session = false;
};

/// Safe to share between threads.
class door {
 public:
  /// @param connections tells how many are open, for `/metrics`. Called from any thread.
  /// @param allowed_origins see `executor_config::allowed_origins`.
  door(dispatcher& calls, std::function<std::size_t()> connections,
       std::vector<std::string> allowed_origins = {});
  ~door();

  /// Answers in `out`, or admits a call and returns its ticket, which is empty otherwise: then the
  /// transport reads the body, of at most `body_limit(ticket->encoding)` bytes, and submits it to
  /// `calls()`.
  /// @param body whether it is all there, or arrives.
  opened_call open(const incoming_request& request, reply& out,
                   body_state body = body_state::complete);

  /// As `open`, but admits nothing. @return whether `out` is the answer.
  bool refuses(const incoming_request& request, reply& out) const;

  /// Returns whether `target` is of a known route.
  [[nodiscard]] static bool serves(std::string_view target);

  /// Writes the answer of a call. A binary result stays where it is: `answer.binary`.
  static void write_answer(const call_answer& answer, const std::string& answer_fields, reply& out);

  /// Writes a problem document, with `status` where it is not the usual one of the error.
  static void write_problem(const error& reason, reply& out, int status = 0);

  [[nodiscard]] dispatcher& calls() noexcept { return calls_; }

 private:
  struct parsed_call {
    call_head head;
    encoding how = encoding::binary;
    std::string answer_fields;
    bool wants_session = false;
  };
  bool prepare(const incoming_request& request, reply& out, parsed_call& parsed) const;
  bool answer_plainly(const incoming_request& request, reply& out, parsed_call& parsed) const;
  bool answer_session(const request_head& head, reply& out) const;
  [[nodiscard]] bool allows(std::string_view origin) const;

  dispatcher& calls_;
  std::unique_ptr<routes> routes_;
  const std::vector<std::string> allowed_origins_;
};

}  // namespace modal::detail
