// SPDX-License-Identifier: Apache-2.0
#include <modal/http1/chunks.hpp>
#include <modal/http1/head.hpp>

#include <algorithm>

namespace modal::http1 {

step chunk_reader::fail(const char* why) noexcept {
  failure_ = why;
  return step::failed;
}

step chunk_reader::read(std::string_view& input, std::string_view& piece) {
  piece = {};
  while (!input.empty() && at_ != place::done) {
    if (at_ == place::bytes) {
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size()));
      piece = input.substr(0, size);
      input.remove_prefix(size);
      left_ -= size;
      if (left_ == 0) at_ = place::bytes_cr;
      return step::need_more;
    }
    if (!take(input.front())) return step::failed;
    input.remove_prefix(1);
    if (++overhead_ > most_overhead_) {
      is_too_large_ = true;
      return fail("a chunk's first line or the trailer is too long");
    }
  }
  return at_ == place::done ? step::done : step::need_more;
}

bool chunk_reader::take_size(char c) {
  int digit = -1;
  if (c >= '0' && c <= '9') digit = c - '0';
  if (c >= 'a' && c <= 'f') digit = c - 'a' + 10;
  if (c >= 'A' && c <= 'F') digit = c - 'A' + 10;
  if (digit >= 0) {
    // Refused when its size is read, not when the bytes have come.
    const std::uint64_t room = most_bytes_ - total_;
    const bool overflows = left_ > room >> 4;
    left_ = left_ << 4 | static_cast<unsigned>(digit);
    // Leading zeros are allowed, and must not go on for ever.
    if (++digits_ > 16) {
      fail("a chunk's size has too many digits");
      return false;
    }
    if (overflows || left_ > room) {
      is_too_large_ = true;
      fail("the chunks are larger than allowed");
      return false;
    }
    return true;
  }
  if (digits_ == 0) {
    fail("a chunk has no size");
    return false;
  }
  if (c == '\r') {
    at_ = place::size_lf;
  } else if (c == ';' || c == ' ' || c == '\t') {
    at_ = place::extension;
  } else {
    fail("a chunk's size is no hexadecimal number");
    return false;
  }
  return true;
}

bool chunk_reader::end_size() noexcept {
  total_ += left_;
  digits_ = 0;
  overhead_ = 0;
  at_ = left_ == 0 ? place::trailer_begin : place::bytes;
  return true;
}

bool chunk_reader::take(char c) {
  const auto expect = [&](char wanted, place next) {
    if (c != wanted) {
      fail("a line of the chunks does not end as it should");
      return false;
    }
    at_ = next;
    return true;
  };
  switch (at_) {
    case place::size:
      return take_size(c);
    case place::extension:
    case place::trailer: {
      const bool is_trailer = at_ == place::trailer;
      if (c == '\r') at_ = is_trailer ? place::trailer_lf : place::size_lf;
      if (c == '\n' || c == '\0') {
        fail("a line of the chunks has a control character");
        return false;
      }
      return true;
    }
    case place::size_lf:
      return expect('\n', place::size) && end_size();
    case place::bytes_cr:
      return expect('\r', place::bytes_lf);
    case place::bytes_lf:
      return expect('\n', place::size);
    case place::trailer_begin:
      if (c == '\r') {
        at_ = place::last_lf;
      } else if (is_token({&c, 1})) {
        at_ = place::trailer;
      } else {
        fail("a line of the trailer does not begin with a name");
        return false;
      }
      return true;
    case place::trailer_lf:
      return expect('\n', place::trailer_begin);
    case place::last_lf:
      return expect('\n', place::done);
    case place::bytes:
    case place::done:
      break;
  }
  return true;
}

}  // namespace modal::http1
