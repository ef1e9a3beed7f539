// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/http1/head.hpp>

#include <cstdint>
#include <string_view>

namespace modal::http1 {

/// Reads a body in chunks (RFC 9112 section 7.1), byte by byte where it must: extensions and the
/// trailer are skipped, and are never kept.
///
///     *( hex-size [ext] CRLF bytes CRLF ) "0" [ext] CRLF *( trailer CRLF ) CRLF
class chunk_reader {
 public:
  /// @param most_bytes of the body; @param most_overhead of one chunk's first line, and of the
  /// whole trailer: a peer must not keep a reader busy with bytes that are no body.
  chunk_reader(std::uint64_t most_bytes, std::size_t most_overhead) noexcept
      : most_bytes_(most_bytes), most_overhead_(most_overhead) {}

  /// Reads on. Takes from the front of `input` what is done with, and sets `piece` to bytes of the
  /// body among them; call again while `piece` is not empty. `need_more` with an empty piece means
  /// that `input` is used up.
  step read(std::string_view& input, std::string_view& piece);

  /// Returns the bytes that are left of the present chunk.
  [[nodiscard]] std::uint64_t left() const noexcept { return left_; }

  [[nodiscard]] const char* failure() const noexcept { return failure_; }
  [[nodiscard]] bool is_too_large() const noexcept { return is_too_large_; }

 private:
  enum class place : std::uint8_t {
    size,
    extension,
    size_lf,
    bytes,
    bytes_cr,
    bytes_lf,
    trailer_begin,
    trailer,
    trailer_lf,
    last_lf,
    done
  };

  step fail(const char* why) noexcept;
  bool take(char c);
  bool take_size(char c);
  bool end_size() noexcept;

  std::uint64_t most_bytes_;
  std::size_t most_overhead_;
  std::uint64_t total_ = 0;
  std::uint64_t left_ = 0;
  std::size_t overhead_ = 0;
  int digits_ = 0;
  place at_ = place::size;
  const char* failure_ = "";
  bool is_too_large_ = false;
};

}  // namespace modal::http1
