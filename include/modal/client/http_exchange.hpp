// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/bytes.hpp>
#include <modal/base/error.hpp>
#include <modal/base/limits.hpp>
#include <modal/http1/chunks.hpp>
#include <modal/http1/head.hpp>
#include <modal/wire/http_call.hpp>
#include <modal/wire/payload.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace modal {

/// One call over HTTP/1.1, without a socket or a clock: says which bytes to send, and takes in the
/// bytes that come, in any cuts; both at the same time, so that a refusal ends a long request.
/// Reused for one attempt after the other, with its memory.
class http_exchange {
 public:
  /// @param bounds and `pool` live as long as this.
  http_exchange(const client_limits& bounds, buffer_pool& pool);
  http_exchange(const http_exchange&) = delete;
  http_exchange& operator=(const http_exchange&) = delete;

  /// Whether the body waits for the executor's consent (RFC 9110 section 10.1.1).
  enum class consent : std::uint8_t { none, expect };

  /// Prepares a request. `head.function` is taken from `path`; `arguments` must live on.
  void start(std::string_view authority, std::string_view path, const call_head& head,
             payload& arguments, consent wanted);

  /// Returns what may be sent now; nothing while the body waits for consent, or when all is sent.
  [[nodiscard]] std::span<const bytes_view> to_send() const noexcept;
  /// Takes note that `size` bytes of `to_send` went out.
  void note_sent(std::size_t size) noexcept;
  /// Returns whether the whole request went out.
  [[nodiscard]] bool is_sent() const noexcept { return next_part_ == parts_.size(); }
  /// Returns whether the head is out and the body waits.
  [[nodiscard]] bool awaits_consent() const noexcept { return awaits_consent_ && next_part_ > 0; }
  /// Sends the body after all: a peer that knows nothing of consent stays silent.
  void stop_waiting() noexcept { awaits_consent_ = false; }

  /// What the response is after some more bytes.
  enum class progress : std::uint8_t {
    more,  ///< read on; there may be more to send now
    done,  ///< the response is complete
  };

  /// Returns where the next bytes of the response go: for a large body its final place.
  [[nodiscard]] mutable_bytes_view prepare();

  /// Takes in the first `size` bytes of what `prepare` returned; zero means that the peer closed.
  /// **Errors**: `connection_lost`, `bad_response`, `too_large`.
  result<progress> commit(std::size_t size);

  /// Returns whether any byte of a response came.
  [[nodiscard]] bool has_begun() const noexcept { return begun_; }

  /// After `done`: whether the connection may carry the next request.
  [[nodiscard]] bool keeps_alive() const noexcept { return keeps_alive_ && is_sent(); }

  /// After `done`: the body of a success, or the error that the response stands for. A success that
  /// is not of this call is `bad_response`: then the connection is not to be used again.
  result<buffer> take_answer(std::string_view own_signature);
  [[nodiscard]] const executor_report& report() const noexcept { return report_; }

 private:
  result<progress> read_head();
  result<progress> begin_body(const http1::framing& framed);
  result<progress> read_chunks();
  result<progress> read_to_end();
  result<progress> finish();
  void note_fields();
  void append(std::string_view piece);

  [[nodiscard]] std::string_view input() const noexcept;

  enum class state : std::uint8_t { head, body, chunks, to_end, done };

  const client_limits& bounds_;
  buffer_pool& pool_;

  std::string head_;
  std::vector<bytes_view> parts_;
  std::size_t next_part_ = 0;
  bool awaits_consent_ = false;
  call_id id_;

  http1::head_reader reader_;
  http1::chunk_reader chunks_;
  std::vector<std::byte> input_;
  std::size_t input_begin_ = 0;
  std::size_t input_end_ = 0;

  int status_ = 0;
  std::string content_type_;
  std::chrono::milliseconds retry_after_{0};
  call_id answered_id_;
  std::string encoding_;
  executor_report report_;
  buffer body_;
  std::size_t body_filled_ = 0;
  state state_ = state::head;
  bool begun_ = false;
  bool keeps_alive_ = false;
};

}  // namespace modal
