// SPDX-License-Identifier: Apache-2.0
#include <modal/client/http_exchange.hpp>
#include <modal/wire/signature.hpp>

#include <boost/beast/http/basic_parser.hpp>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace modal {
namespace {

constexpr std::size_t input_step = 4096;
constexpr std::size_t largest_problem = 1 << 20;

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

// Keeps the few fields that matter; all others are parsed and dropped, without an allocation.
class http_exchange::head_parser final : public boost::beast::http::basic_parser<false> {
  using error_code = boost::beast::error_code;
  using string_view = boost::beast::string_view;

 public:
  explicit head_parser(std::string& chunks) : chunks_(chunks) {}

  int status = 0;
  std::string content_type;
  std::string report;
  std::string retry_after;

 private:
  void on_request_impl(boost::beast::http::verb, string_view, string_view, int,
                       error_code&) override {}
  void on_response_impl(int code, string_view, int, error_code&) override { status = code; }
  void on_field_impl(boost::beast::http::field, string_view name, string_view value,
                     error_code&) override {
    const std::string_view field(name.data(), name.size());
    const std::string_view text(value.data(), value.size());
    if (same_field(field, "content-type")) content_type = text;
    if (same_field(field, field_report)) report = text;
    if (same_field(field, "retry-after")) retry_after = text;
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(boost::optional<std::uint64_t> const&, error_code&) override {}
  std::size_t on_body_impl(string_view body, error_code&) override {
    chunks_.append(body.data(), body.size());
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view body, error_code&) override {
    chunks_.append(body.data(), body.size());
    return body.size();
  }
  void on_finish_impl(error_code&) override {}

  std::string& chunks_;
};

http_exchange::http_exchange(const limits& bounds, buffer_pool& pool)
    : bounds_(bounds), pool_(pool), input_(input_step) {}
http_exchange::~http_exchange() = default;

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
  number(field_timeout, static_cast<std::uint64_t>(head.timeout.count()));
  number(field_attempt, static_cast<std::uint64_t>(head.attempt));
  if (!head.traceparent.empty()) append_field(head_, field_traceparent, head.traceparent);
  if (wanted == consent::expect) append_field(head_, "expect", "100-continue");
  number("content-length", arguments.wire_size());
  head_.append("\r\n");

  parts_.clear();
  parts_.push_back(std::as_bytes(std::span(head_)));
  arguments.gather(parts_);

  parser_.reset();
  input_begin_ = input_end_ = 0;
  body_ = {};
  body_filled_ = 0;
  chunks_.clear();
  report_ = {};
  state_ = state::head;
  begun_ = keeps_alive_ = false;
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
  if (size == 0)
    return error(errc::connection_lost,
                 begun_ ? "the executor closed the connection inside its answer"
                        : "the executor closed the connection without an answer");
  begun_ = true;
  if (state_ == state::body) {
    body_filled_ += size;
    if (body_filled_ < body_.size()) return progress::more;
    return finish();
  }
  input_end_ += size;
  return state_ == state::head ? parse_head() : parse_chunks();
}

result<http_exchange::progress> http_exchange::parse_head() {
  namespace http = boost::beast::http;
  for (;;) {
    if (!parser_) {
      parser_ = std::make_unique<head_parser>(chunks_);
      parser_->header_limit(
          static_cast<std::uint32_t>(std::min<std::size_t>(bounds_.header_bytes, 1 << 20)));
      parser_->body_limit(static_cast<std::uint64_t>(bounds_.body_bytes));
    }
    boost::beast::error_code failure;
    const boost::asio::const_buffer input(input_.data() + input_begin_, input_end_ - input_begin_);
    input_begin_ += parser_->put(input, failure);
    if (failure == http::error::need_more) {
      if (input_end_ - input_begin_ > bounds_.header_bytes)
        return error(errc::bad_response, "the answer's head is longer than limits.header_bytes");
      return progress::more;
    }
    if (failure == http::error::body_limit)
      return error(errc::too_large, "the answer's body is larger than limits.body_bytes");
    if (failure) return error(errc::bad_response, failure.message());
    if (!parser_->is_header_done()) return progress::more;
    if (parser_->status / 100 != 1) return begin_body();
    const bool consents = parser_->status == 100;
    parser_.reset();  // an interim response: the final one follows
    if (consents) return progress::continues;
    if (input_begin_ == input_end_) return progress::more;
  }
}

result<http_exchange::progress> http_exchange::begin_body() {
  report_ = parse_report(parser_->report);
  if (parser_->chunked()) {
    state_ = state::chunks;
    parser_->eager(true);
    return parse_chunks();
  }
  const auto length = parser_->content_length();
  const bool bodiless = parser_->status == 204 || parser_->status == 304;
  if (!length && !bodiless)
    return error(errc::bad_response, "the answer does not say how long it is");
  const std::uint64_t size = bodiless ? 0 : *length;
  const std::size_t most = parser_->status == 200 ? bounds_.body_bytes : largest_problem;
  if (size > most) return error(errc::too_large, "the answer's body is larger than allowed");
  body_ = pool_.take(static_cast<std::size_t>(size));
  const std::size_t here = std::min(body_.size(), input_end_ - input_begin_);
  std::memcpy(body_.data(), input_.data() + input_begin_, here);
  input_begin_ += here;
  body_filled_ = here;
  state_ = state::body;
  return body_filled_ == body_.size() ? finish() : result<progress>(progress::more);
}

result<http_exchange::progress> http_exchange::parse_chunks() {
  namespace http = boost::beast::http;
  while (!parser_->is_done()) {
    boost::beast::error_code failure;
    const boost::asio::const_buffer input(input_.data() + input_begin_, input_end_ - input_begin_);
    input_begin_ += parser_->put(input, failure);
    if (failure == http::error::need_more) return progress::more;
    if (failure == http::error::body_limit)
      return error(errc::too_large, "the answer's body is larger than limits.body_bytes");
    if (failure) return error(errc::bad_response, failure.message());
    if (input_begin_ == input_end_ && !parser_->is_done()) return progress::more;
  }
  body_ = pool_.take(chunks_.size());
  std::memcpy(body_.data(), chunks_.data(), chunks_.size());
  return finish();
}

result<http_exchange::progress> http_exchange::finish() {
  state_ = state::done;
  // Bytes after the answer belong to nobody: such a connection cannot be trusted with another call.
  keeps_alive_ = parser_->keep_alive() && input_begin_ == input_end_;
  return progress::done;
}

result<buffer> http_exchange::take_answer(std::string_view own_signature) {
  const std::string_view text(reinterpret_cast<const char*>(body_.data()), body_.size());
  if (parser_->status == 200) {
    if (media_type(parser_->content_type) != call_media_type)
      return error(errc::bad_response, "the answer is of type " + parser_->content_type);
    return std::move(body_);
  }
  error reason = from_problem(parser_->status, parser_->content_type, text);
  auto& details = reason.details();
  if (reason == errc::signature_mismatch && !details.signature.empty())
    details.message = explain_difference(details.signature, own_signature);
  int seconds = 0;
  const auto& wait = parser_->retry_after;
  if (details.retry_after.count() == 0 &&
      std::from_chars(wait.data(), wait.data() + wait.size(), seconds).ec == std::errc{})
    details.retry_after = std::chrono::seconds(std::clamp(seconds, 0, 3600));
  return reason;
}

}  // namespace modal
