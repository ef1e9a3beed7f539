// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/error.hpp>
#include <modal/base/limits.hpp>
#include <modal/http1/chunks.hpp>
#include <modal/http1/head.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace modal::detail {

/// The head of a request, as views.
struct request_head {
  std::string_view method;
  std::string_view target;
  std::span<const http_field> fields;
  std::optional<std::uint64_t> content_length{};
  bool is_chunked = false;
};

/// Returns whether the client waits for "100 Continue" before it sends the body.
bool expects_continue(const request_head& head) noexcept;

/// Reads HTTP/1.1 requests from bytes in memory (RFC 9112). No socket, no clock; one thread. Keeps
/// its memory from one request to the next.
class request_reader {
 public:
  using step = http1::step;

  /// @param bounds lives as long as this.
  explicit request_reader(const limits& bounds);

  /// Looks for a whole head at the start of `input`. After `done`, `head()` is valid as long as
  /// `input` is, and `head_size()` bytes of it are used. After `need_more`, is to be called again
  /// with the same bytes and further ones.
  step read_head(std::string_view input);

  [[nodiscard]] const request_head& head() const noexcept { return head_; }
  [[nodiscard]] std::size_t head_size() const noexcept { return lines_.size(); }

  /// Returns whether the connection may serve another request.
  [[nodiscard]] bool keeps_alive() const noexcept { return keeps_alive_; }
  /// Returns whether the client speaks HTTP/1.0, and so knows neither chunks nor 100.
  [[nodiscard]] bool is_old() const noexcept { return is_old_; }

  /// Reads a chunked body up to the end of its next bytes, which are `piece`, or of `input`. Sets
  /// `used` to the bytes of `input` that are done with, the piece behind all others.
  step read_chunk(std::string_view input, std::string_view& piece, std::size_t& used);

  /// Returns why a step failed, and with which status.
  [[nodiscard]] const error& failure() const noexcept { return failure_; }
  [[nodiscard]] int failure_status() const noexcept { return failure_status_; }

 private:
  step fail(errc what, int status, const char* why);
  step check_line();
  step check_fields();

  const limits& bounds_;
  http1::head_reader lines_;
  http1::chunk_reader chunks_;
  bool is_between_ = false;  ///< the last head was given out: the next call begins another
  request_head head_;
  bool keeps_alive_ = false;
  bool is_old_ = false;
  error failure_;
  int failure_status_ = 0;
};

}  // namespace modal::detail
