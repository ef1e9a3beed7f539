// SPDX-License-Identifier: Apache-2.0
#include <modal/client/http_exchange.hpp>
#include <modal/wire/signature.hpp>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace modal {
namespace {

constexpr std::size_t input_step = 4096;
constexpr std::size_t largest_problem = 1 << 20;
constexpr std::size_t chunk_overhead = 4096;

void append_decimal(std::string& out, std::uint64_t value) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

void append_id_field(std::string& out, std::string_view name, const id128& id) {
  char digits[32];
  id.to_chars(digits);
  append_field(out, name, {digits, sizeof digits});
}

}  // namespace

http_exchange::http_exchange(const client_limits& bounds, buffer_pool& pool)
    : bounds_(bounds), pool_(pool), reader_(bounds.header_bytes), chunks_(0, 0) {}

void http_exchange::start(std::string_view authority, std::string_view path, const call_head& head,
                          payload& arguments, consent wanted) {
  head_.clear();
  head_.reserve(512);
  head_.append("POST ").append(path).append(" HTTP/1.1\r\n");
  append_field(head_, "host", authority);
  append_field(head_, "content-type", call_media_type);
  append_field(head_, field_version, "1");
  append_id_field(head_, field_call_id, head.id);
  append_id_field(head_, field_signature, head.signature);
  const auto number = [this](std::string_view name, std::uint64_t value) {
    head_.append(name).append(": ");
    append_decimal(head_, value);
    head_.append("\r\n");
  };
  number(field_timeout,
         static_cast<std::uint64_t>(std::max<std::int64_t>(head.timeout.count(), 1)));
  number(field_attempt, static_cast<std::uint64_t>(head.attempt));
  if (head.depth > 0) {
    append_id_field(head_, field_parent, head.parent);
    number(field_depth, static_cast<std::uint64_t>(head.depth));
  }
  if (head.repeats) append_field(head_, field_on_lost, "repeat");
  if (!head.traceparent.empty()) append_field(head_, field_traceparent, head.traceparent);
  if (wanted == consent::expect) append_field(head_, "expect", "100-continue");
  number("content-length", arguments.wire_size());
  head_.append("\r\n");

  parts_.clear();
  parts_.push_back(std::as_bytes(std::span(head_)));
  arguments.gather(parts_);
  next_part_ = 0;
  awaits_consent_ = wanted == consent::expect;
  id_ = head.id;

  reader_.reset();
  input_begin_ = input_end_ = 0;
  body_ = {};
  body_filled_ = 0;
  report_ = {};
  state_ = state::head;
  begun_ = keeps_alive_ = false;
}

std::span<const bytes_view> http_exchange::to_send() const noexcept {
  if (awaits_consent_) return std::span(parts_).first(next_part_ == 0 ? 1 : 0);
  return std::span(parts_).subspan(next_part_);
}

void http_exchange::note_sent(std::size_t size) noexcept {
  while (next_part_ < parts_.size() && size >= parts_[next_part_].size())
    size -= parts_[next_part_++].size();
  if (size > 0) parts_[next_part_] = parts_[next_part_].subspan(size);
}

std::string_view http_exchange::input() const noexcept {
  return {reinterpret_cast<const char*>(input_.data()) + input_begin_, input_end_ - input_begin_};
}

mutable_bytes_view http_exchange::prepare() {
  if (state_ == state::body) return body_.span().subspan(body_filled_);
  if (input_begin_ == input_end_) input_begin_ = input_end_ = 0;
  if (input_end_ == input_.size()) {
    if (input_begin_ > 0) {
      std::memmove(input_.data(), input_.data() + input_begin_, input_end_ - input_begin_);
      input_end_ -= input_begin_;
      input_begin_ = 0;
    } else {
      input_.resize(input_.size() + input_step);
    }
  }
  return mutable_bytes_view(input_).subspan(input_end_);
}

result<http_exchange::progress> http_exchange::commit(std::size_t size) {
  if (size == 0) {
    if (state_ == state::to_end) return finish();
    return error(errc::connection_lost,
                 begun_ ? "the executor closed the connection inside its answer"
                        : "the executor closed the connection without an answer");
  }
  begun_ = true;
  if (state_ == state::body) {
    body_filled_ += size;
    if (body_filled_ < body_.size()) return progress::more;
    return finish();
  }
  input_end_ += size;
  switch (state_) {
    case state::chunks:
      return read_chunks();
    case state::to_end:
      return read_to_end();
    default:
      return read_head();
  }
}

// Several responses may have come in one piece: all but the last are interim.
result<http_exchange::progress> http_exchange::read_head() {
  for (;;) {
    switch (reader_.read(input())) {
      case http1::step::need_more:
        return progress::more;
      case http1::step::failed:
        return error(errc::bad_response, std::string("the answer's head ") + reader_.failure());
      case http1::step::done:
        break;
    }
    const auto line = http1::parse_status_line(reader_.start_line());
    if (!line || line->version / 10 != 1)
      return error(errc::bad_response, "the answer is not HTTP/1.1");
    if (line->status == 101)
      return error(errc::bad_response, "the peer switches protocols, which nobody asked for");
    status_ = line->status;
    if (status_ / 100 == 1) {
      if (status_ == 100) awaits_consent_ = false;
      input_begin_ += reader_.size();
      reader_.reset();
      begun_ = input_begin_ != input_end_;  // that was no part of the answer
      continue;
    }
    const auto framed = http1::read_framing(reader_.fields());
    if (!framed) return error(errc::bad_response, "the answer does not say clearly how long it is");
    keeps_alive_ = line->version > 10
                       ? !http1::has_token(reader_.fields(), "connection", "close")
                       : http1::has_token(reader_.fields(), "connection", "keep-alive");
    note_fields();
    input_begin_ += reader_.size();
    return begin_body(*framed);
  }
}

void http_exchange::note_fields() {
  const auto fields = reader_.fields();
  content_type_ = find_field(fields, "content-type");
  encoding_ = find_field(fields, "content-encoding");
  report_ = parse_report(find_field(fields, field_report));
  answered_id_ = {};
  id128::from_string(find_field(fields, field_call_id), answered_id_);
  retry_after_ = {};
  const auto wait = find_field(fields, "retry-after");
  int seconds = 0;
  if (std::from_chars(wait.data(), wait.data() + wait.size(), seconds).ec == std::errc{})
    retry_after_ = std::chrono::seconds(std::clamp(seconds, 0, 3600));
}

result<http_exchange::progress> http_exchange::begin_body(const http1::framing& framed) {
  using body_kind = http1::framing::kind;
  const std::size_t most = status_ == 200 ? bounds_.body_bytes : largest_problem;
  if (status_ == 204 || status_ == 304) {
    body_ = {};
    return finish();
  }
  if (framed.body == body_kind::chunked) {
    state_ = state::chunks;
    chunks_ = http1::chunk_reader(most, chunk_overhead);
    return read_chunks();
  }
  if (framed.body == body_kind::none) {
    // The end of the connection may be a proxy's end of an error; of a result it would not be known
    // whether all of it came.
    if (status_ == 200) return error(errc::bad_response, "the answer does not say how long it is");
    keeps_alive_ = false;
    state_ = state::to_end;
    return read_to_end();
  }
  if (framed.length > most)
    return error(errc::too_large, "the answer's body is larger than allowed");
  body_ = pool_.take(static_cast<std::size_t>(framed.length));
  const std::size_t here = std::min(body_.size(), input().size());
  if (here != 0) std::memcpy(body_.data(), input().data(), here);
  input_begin_ += here;
  body_filled_ = here;
  state_ = state::body;
  return body_filled_ == body_.size() ? finish() : result<progress>(progress::more);
}

void http_exchange::append(std::string_view piece) {
  if (piece.empty()) return;
  const std::size_t needed = body_filled_ + piece.size();
  if (needed > body_.capacity()) {
    buffer grown = pool_.take(std::max(needed, 2 * body_.capacity()));
    if (body_filled_ != 0) std::memcpy(grown.data(), body_.data(), body_filled_);
    body_ = std::move(grown);
  }
  body_.resize(needed);
  std::memcpy(body_.data() + body_filled_, piece.data(), piece.size());
  body_filled_ = needed;
}

result<http_exchange::progress> http_exchange::read_chunks() {
  std::string_view rest = input();
  for (;;) {
    std::string_view piece;
    const auto step = chunks_.read(rest, piece);
    append(piece);
    if (step == http1::step::failed)
      return error(chunks_.is_too_large() ? errc::too_large : errc::bad_response,
                   std::string("the answer: ") + chunks_.failure());
    if (step == http1::step::need_more && !piece.empty()) continue;
    input_begin_ = input_end_ - rest.size();
    return step == http1::step::done ? finish() : result<progress>(progress::more);
  }
}

result<http_exchange::progress> http_exchange::read_to_end() {
  if (body_filled_ + input().size() > largest_problem)
    return error(errc::too_large, "the answer's body is larger than allowed");
  append(input());
  input_begin_ = input_end_;
  return progress::more;
}

result<http_exchange::progress> http_exchange::finish() {
  state_ = state::done;
  // Bytes after the answer belong to nobody: such a connection cannot be trusted with another call.
  keeps_alive_ = keeps_alive_ && input_begin_ == input_end_;
  return progress::done;
}

result<buffer> http_exchange::take_answer(std::string_view own_signature) {
  const std::string_view text(reinterpret_cast<const char*>(body_.data()), body_filled_);
  const auto distrust = [this](std::string why) {
    keeps_alive_ = false;
    return error(errc::bad_response, std::move(why));
  };
  if (!answered_id_.is_nil() && answered_id_ != id_)
    return distrust("the answer is of another call, " + answered_id_.to_string());
  if (!encoding_.empty() && !same_field(encoding_, "identity"))
    return distrust("the answer is encoded as " + encoding_ + ", which was not asked for");
  if (status_ == 200) {
    if (media_type(content_type_) != call_media_type)
      return distrust("the answer is of type " + content_type_);
    if (answered_id_.is_nil()) return distrust("the answer does not say of which call it is");
    return std::move(body_);
  }
  error reason = from_problem(status_, content_type_, text);
  auto& details = reason.details();
  if (reason == errc::signature_mismatch && !details.signature.empty())
    details.message = explain_difference(details.signature, own_signature);
  if (details.retry_after.count() == 0) details.retry_after = retry_after_;
  return reason;
}

}  // namespace modal
