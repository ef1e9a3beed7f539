// SPDX-License-Identifier: Apache-2.0
#include "executor/door.hpp"

#include "executor/routes.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace modal::detail {
namespace {

constexpr std::string_view announced_version = "modal-version: 1\r\n";
static_assert(protocol_version == 1);
constexpr std::string_view accept_post =
    "accept-post: application/vnd.modal.call, application/json\r\n";

// Cuts off the query, and the scheme and host that a request to a proxy has (RFC 9112 3.2.2).
std::string_view path_of(std::string_view target) {
  if (target.starts_with("http://") || target.starts_with("https://")) {
    const auto slash = target.find('/', target.find("//") + 2);
    target = slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
  }
  return target.substr(0, target.find('?'));
}

bool looks_like_call(std::string_view path) {
  return path.starts_with("/v1/functions/") && path.ends_with("/call");
}

bool is_known_method(std::string_view method) {
  constexpr std::array<std::string_view, 9> known{"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                                  "CONNECT", "OPTIONS", "TRACE", "PATCH"};
  return std::find(known.begin(), known.end(), method) != known.end();
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

void write_method_error(std::string_view method, std::string_view allowed, reply& out) {
  if (!is_known_method(method)) {
    door::write_problem(error(errc::unsupported_feature, "no such method"), out, 501);
    return;
  }
  door::write_problem(error(errc::unknown_route, "this method is not allowed here"), out, 405);
  append_field(out.fields, "allow", allowed);
}

}  // namespace

bool expects_continue(const request_head& head) noexcept {
  return same_field(find_field(head.fields, "expect"), "100-continue");
}

door::door(dispatcher& calls, std::function<std::size_t()> connections)
    : calls_(calls), routes_(std::make_unique<routes>(calls, std::move(connections))) {}

door::~door() = default;

bool door::serves(std::string_view target) {
  const std::string_view path = path_of(target);
  return looks_like_call(path) || routes::find(path) != route::none;
}

void door::write_problem(const error& reason, reply& out, int status) {
  out.clear();
  out.status = status != 0 ? status : http_status(reason.value());
  out.content_type = problem_media_type;
  out.body = to_problem(reason, out.status);
  out.body += '\n';
  out.fields = announced_version;
  if (reason == condition::retry_later) {
    const auto wait = std::chrono::ceil<std::chrono::seconds>(reason.details().retry_after);
    append_field(out.fields, "retry-after",
                 std::to_string(std::max<std::int64_t>(wait.count(), 1)));
  }
  if (!reason.details().call_id.empty())
    append_field(out.fields, field_call_id, reason.details().call_id);
}

void door::write_answer(const call_answer& answer, reply& out) {
  if (answer.failure != nullptr) {
    write_problem(*answer.failure, out);
  } else {
    out.clear();
    out.fields.reserve(224);
    out.content_type = call_media_type;
    out.fields.append(announced_version).append(field_call_id).append(": ").append(32, '0');
    answer.about.head.id.to_chars(out.fields.data() + out.fields.size() - 32);
    out.fields.append("\r\n");
  }
  out.fields.append(field_report).append(": ");
  append_report(out.fields, answer.report);
  out.fields.append("\r\n");
  if (answer.json == nullptr || answer.failure != nullptr) return;

  const executor_report& report = answer.report;
  out.content_type = json_media_type;
  out.body.reserve(answer.json->size() + 160);
  out.body.append("{\"result\":").append(*answer.json);
  const auto add = [&](std::string_view name, std::int64_t value) {
    out.body.append(name).append(std::to_string(value));
  };
  out.body.append(",\"report\":{\"call_id\":\"").append(answer.about.head.id.to_string());
  add("\",\"queue_ns\":", report.queue.count());
  add(",\"decode_ns\":", report.decode.count());
  add(",\"run_ns\":", report.run.count());
  add(",\"encode_ns\":", report.encode.count());
  add(",\"attempts\":", report.attempts);
  out.body.append("}}\n");
}

// Everything that can be said without admission. Returns false where `out` is the answer.
bool door::prepare(const request_head& head, reply& out, call_head& parsed, encoding& how) const {
  const std::string_view path = path_of(head.target);
  if (!looks_like_call(path)) {
    const route found = routes::find(path);
    if (found == route::none)
      write_problem(error(errc::unknown_route, "there is nothing at this path"), out);
    else if (head.method != "GET" && head.method != "HEAD")
      write_method_error(head.method, "GET, HEAD", out);
    else
      routes_->write(found, head, out);
    return false;
  }
  const auto name = parse_call_path(path);
  if (!name || name->empty()) {
    write_problem(name ? error(errc::unknown_route, "the path names no function") : name.error(),
                  out);
    return false;
  }
  if (head.method != "POST") {
    write_method_error(head.method, "POST", out);
    return false;
  }
  if (const auto expect = find_field(head.fields, "expect");
      !expect.empty() && !expects_continue(head)) {
    write_problem(error(errc::unsupported_feature, "the only expectation known is 100-continue"),
                  out, 417);
    return false;
  }
  const std::string_view type = media_type(find_field(head.fields, "content-type"));
  const std::string_view coding = find_field(head.fields, "content-encoding");
  if (same_field(type, call_media_type)) {
    how = encoding::binary;
  } else if (same_field(type, json_media_type)) {
    how = encoding::json;
  } else {
    write_problem(error(errc::unsupported_media,
                        "a call's body is application/vnd.modal.call or "
                        "application/json"),
                  out);
    out.fields += accept_post;
    return false;
  }
  if (!coding.empty() && !same_field(coding, "identity")) {
    write_problem(error(errc::unsupported_media, "the body must not be compressed"), out);
    out.fields += "accept-encoding: identity\r\n";
    return false;
  }
  if (!head.is_chunked && !head.content_length) {
    write_problem(error(errc::malformed_request, "a call needs content-length"), out, 411);
    return false;
  }
  auto fields = parse_call_fields(head.fields);
  if (!fields) {
    error reason = fields.error();
    reason.details().function = *name;
    write_problem(reason, out);
    return false;
  }
  parsed = *std::move(fields);
  parsed.function = *name;
  return true;
}

ticket door::open(const request_head& head, reply& out) {
  call_head parsed;
  encoding how = encoding::binary;
  if (!prepare(head, out, parsed, how)) return {};
  std::optional<std::size_t> size;
  if (head.content_length) size = static_cast<std::size_t>(*head.content_length);
  auto admitted = calls_.admit(std::move(parsed), how, size);
  if (admitted) return *std::move(admitted);
  write_problem(admitted.error(), out);
  return {};
}

bool door::refuses(const request_head& head, reply& out) const {
  call_head parsed;
  encoding how = encoding::binary;
  if (!prepare(head, out, parsed, how)) return true;
  std::optional<std::size_t> size;
  if (head.content_length) size = static_cast<std::size_t>(*head.content_length);
  const auto reason = calls_.refusal(parsed, how, size);
  if (reason) write_problem(*reason, out);
  return reason.has_value();
}

}  // namespace modal::detail
