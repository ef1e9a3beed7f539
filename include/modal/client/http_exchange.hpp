// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/bytes.hpp>
#include <modal/base/error.hpp>
#include <modal/base/limits.hpp>
#include <modal/wire/http_call.hpp>
#include <modal/wire/payload.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace modal {

/// One call over HTTP/1.1, without a socket: makes the bytes of the request, takes in the bytes of
/// the response. Reused for one attempt after the other.
class http_exchange {
 public:
  http_exchange(const limits& bounds, buffer_pool& pool);
  ~http_exchange();
  http_exchange(const http_exchange&) = delete;
  http_exchange& operator=(const http_exchange&) = delete;

  /// Whether the body waits for the executor's consent (RFC 9110 section 10.1.1).
  enum class consent : std::uint8_t { none, expect };

  /// Prepares a request. `head.function` is taken from `path`; `arguments` must live on.
  void start(std::string_view authority, std::string_view path, const call_head& head,
             payload& arguments, consent wanted);

  /// Returns the parts to send: the head first, in one part, then the payload.
  [[nodiscard]] const std::vector<bytes_view>& parts() const noexcept { return parts_; }

  /// What the response is after some more bytes.
  enum class progress : std::uint8_t {
    more,       ///< read on
    continues,  ///< the executor consents: send the body, then read on
    done,       ///< the response is complete
  };

  /// Returns where the next bytes of the response go: for a large body its final place.
  [[nodiscard]] mutable_bytes_view prepare();

  /// Takes in the first `size` bytes of what `prepare` returned; zero means that the peer closed.
  /// **Errors**: `connection_lost`, `bad_response`, `too_large`.
  result<progress> commit(std::size_t size);

  /// Returns whether any byte of a response came.
  [[nodiscard]] bool has_begun() const noexcept { return begun_; }

  /// After `done`: whether the connection may carry the next request.
  [[nodiscard]] bool keeps_alive() const noexcept { return keeps_alive_; }

  /// After `done`: the body of a success, or the error that the response stands for.
  result<buffer> take_answer(std::string_view own_signature);
  [[nodiscard]] const executor_report& report() const noexcept { return report_; }

 private:
  class head_parser;

  result<progress> parse_head();
  result<progress> begin_body();
  result<progress> parse_chunks();
  result<progress> finish();

  enum class state : std::uint8_t { head, body, chunks, done };

  const limits& bounds_;
  buffer_pool& pool_;
  std::string head_;
  std::vector<bytes_view> parts_;
  std::unique_ptr<head_parser> parser_;
  std::vector<std::byte> input_;
  std::size_t input_begin_ = 0;
  std::size_t input_end_ = 0;
  buffer body_;
  std::size_t body_filled_ = 0;
  std::string chunks_;
  executor_report report_;
  state state_ = state::head;
  bool begun_ = false;
  bool keeps_alive_ = false;
};

}  // namespace modal
