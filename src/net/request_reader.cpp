// SPDX-License-Identifier: Apache-2.0
#include "net/request_reader.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

#include <array>
#include <optional>
#include <utility>

namespace modal::detail {
namespace {

namespace http = boost::beast::http;
using boost::beast::string_view;
using parse_error = boost::beast::error_code;

constexpr std::size_t most_fields = 64;

std::string_view to_std(string_view text) noexcept { return {text.data(), text.size()}; }

// Keeps fields as views of the input, where Beast's own parser would copy each to the heap.
class head_parser final : public http::basic_parser<true> {
 public:
  std::string_view method;
  std::string_view target;
  int version = 11;
  std::array<http_field, most_fields> fields;
  std::size_t field_count = 0;
  int hosts = 0;
  bool has_foreign_coding = false;
  bool is_folded = false;
  std::string_view input;
  std::vector<std::string_view>* pieces = nullptr;

 private:
  void on_request_impl(http::verb, string_view method_text, string_view target_text, int number,
                       parse_error&) override {
    method = to_std(method_text);
    target = to_std(target_text);
    version = number;
  }
  void on_response_impl(int, string_view, int, parse_error&) override {}

  void on_field_impl(http::field name, string_view name_text, string_view value,
                     parse_error& ec) override {
    if (field_count == most_fields) {
      ec = http::error::header_limit;
      return;
    }
    // A value that does not lie in the input was put together from folded lines.
    if (!value.empty() &&
        (value.data() < input.data() || value.data() + value.size() > input.data() + input.size()))
      is_folded = true;
    if (name == http::field::host) ++hosts;
    if (name == http::field::transfer_encoding && !same_field(to_std(value), "chunked"))
      has_foreign_coding = true;
    fields[field_count++] = {to_std(name_text), to_std(value)};
  }
  void on_header_impl(parse_error&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, parse_error&) override {}
  std::size_t on_body_impl(string_view body, parse_error&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t, string_view, parse_error&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view body, parse_error&) override {
    pieces->push_back(to_std(body));
    return body.size();
  }
  void on_finish_impl(parse_error&) override {}
};

}  // namespace

struct request_reader::impl {
  std::optional<head_parser> parser;  // one for each request; in place, so without an allocation
};

request_reader::request_reader(const limits& bounds)
    : bounds_(bounds), impl_(std::make_unique<impl>()) {}
request_reader::~request_reader() = default;

request_reader::step request_reader::fail(errc what, int status, const char* why) {
  failure_ = error(what, why);
  failure_status_ = status;
  return step::failed;
}

request_reader::step request_reader::read_head(std::string_view input) {
  std::size_t skipped = 0;
  while (input.substr(skipped).starts_with("\r\n")) skipped += 2;  // RFC 9112 2.2
  const std::string_view rest = input.substr(skipped);
  if (searched_ > rest.size()) searched_ = 0;
  const std::size_t end = rest.find("\r\n\r\n", searched_);
  const std::size_t size = end == std::string_view::npos ? rest.size() : end + 4;
  if (skipped + size > bounds_.header_bytes ||
      (end == std::string_view::npos && skipped + size >= bounds_.header_bytes))
    return fail(errc::too_large, 431, "the request's header is longer than limits.header_bytes");
  if (end == std::string_view::npos) {
    searched_ = rest.size() > 3 ? rest.size() - 3 : 0;
    return step::need_more;
  }
  searched_ = 0;

  head_parser& parser = impl_->parser.emplace();
  parser.header_limit(static_cast<std::uint32_t>(bounds_.header_bytes));
  parser.body_limit(boost::none);  // admission decides about bodies, with a better error
  parser.input = rest.substr(0, size);
  parse_error failed;
  parser.put(boost::asio::const_buffer(rest.data(), size), failed);
  if (failed == http::error::header_limit)
    return fail(errc::too_large, 431, "the request has more header fields than can be taken");
  if (failed == http::error::bad_version)
    return fail(errc::unsupported_feature, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
  if (failed || !parser.is_header_done())
    return fail(errc::malformed_request, 400, "the request is not valid HTTP/1.1");
  head_size_ = skipped + size;
  return check_head();
}

request_reader::step request_reader::check_head() {
  const head_parser& parser = *impl_->parser;
  is_old_ = parser.version < 11;
  if (parser.version != 11 && parser.version != 10)
    return fail(errc::unsupported_feature, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
  if (parser.is_folded)
    return fail(errc::malformed_request, 400, "header fields must not be folded");
  if (parser.hosts > 1 || (parser.hosts == 0 && !is_old_))
    return fail(errc::malformed_request, 400, "a request has exactly one host field");
  if (parser.has_foreign_coding)
    return fail(errc::unsupported_feature, 501, "the only transfer coding known is chunked");
  if (parser.chunked() && is_old_)
    return fail(errc::malformed_request, 400, "HTTP/1.0 has no chunks");
  keeps_alive_ = parser.keep_alive();
  head_ = {};
  head_.method = parser.method;
  head_.target = parser.target;
  head_.fields = {parser.fields.data(), parser.field_count};
  head_.is_chunked = parser.chunked();
  if (const auto length = parser.content_length()) head_.content_length = *length;
  return step::done;
}

request_reader::step request_reader::read_chunks(std::string_view input,
                                                 std::vector<std::string_view>& pieces,
                                                 std::size_t& used) {
  head_parser& parser = *impl_->parser;
  parser.eager(true);
  parser.input = input;
  parser.pieces = &pieces;
  used = 0;
  parse_error failed;
  while (!parser.is_done() && used < input.size()) {
    const std::size_t taken =
        parser.put(boost::asio::const_buffer(input.data() + used, input.size() - used), failed);
    used += taken;
    if (failed || taken == 0) break;
  }
  if (parser.is_done()) return step::done;
  if (failed == http::error::need_more || !failed) return step::need_more;
  return fail(errc::malformed_request, 400, "the chunks of the body are malformed");
}

}  // namespace modal::detail
