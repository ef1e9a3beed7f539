// SPDX-License-Identifier: Apache-2.0
#include "door/door.hpp"

#include <modal/http1/head.hpp>
#include <modal/session/frames.hpp>

#include "door/routes.hpp"

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
  const auto colon = target.find("://");
  if (colon != std::string_view::npos && (same_field(target.substr(0, colon), "http") ||
                                          same_field(target.substr(0, colon), "https"))) {
    const auto path = target.find_first_of("/?", colon + 3);
    target = path == std::string_view::npos ? std::string_view{} : target.substr(path);
  }
  target = target.substr(0, target.find('?'));
  return target.empty() ? std::string_view("/") : target;
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

constexpr std::string_view call_fields =
    "content-type, modal-version, modal-call-id, modal-signature, modal-timeout-us, modal-attempt, "
    "modal-on-lost, modal-parent, modal-depth, modal-require, traceparent";

// What a browser asks before it sends what a form could not send (Fetch, CORS-preflight fetch).
bool is_preflight(const request_head& head) {
  return head.method == "OPTIONS" &&
         !find_field(head.fields, "access-control-request-method").empty();
}

}  // namespace

door::door(dispatcher& calls, std::function<std::size_t()> connections,
           std::vector<std::string> allowed_origins)
    : calls_(calls),
      routes_(std::make_unique<routes>(calls, std::move(connections))),
      allowed_origins_(std::move(allowed_origins)) {}

door::~door() = default;

bool door::serves(std::string_view target) {
  const std::string_view path = path_of(target);
  return looks_like_call(path) || path == session_path || routes::find(path) != route::none;
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

void door::write_answer(const call_answer& answer, const std::string& answer_fields, reply& out) {
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
  out.fields.append("\r\n").append(answer_fields);
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
  if (const device_report& device = report.device; !device.name.empty()) {
    out.body.append(",\"device\":\"").append(device.name).append("\"");
    add(",\"upload_ns\":", device.upload.count());
    add(",\"device_run_ns\":", device.run.count());
    add(",\"download_ns\":", device.download.count());
    add(",\"bytes_up\":", static_cast<std::int64_t>(device.bytes_up));
    add(",\"bytes_down\":", static_cast<std::int64_t>(device.bytes_down));
    add(",\"memory_peak\":", static_cast<std::int64_t>(device.memory_peak));
    out.body.append(",\"path\":\"").append(to_string(device.path)).append("\"");
  }
  out.body.append("}}\n");
}

bool door::allows(std::string_view origin) const {
  return std::any_of(
      allowed_origins_.begin(), allowed_origins_.end(),
      [&](const std::string& each) { return each == "*" || same_field(each, origin); });
}

// Everything that can be said without admission. Returns false where `out` is the answer. A browser
// sends the origin of the page that makes the request: any page could reach an executor on the
// loopback, or behind a firewall, that its user can reach.
bool door::prepare(const incoming_request& request, reply& out, parsed_call& parsed) const {
  const request_head& head = request.head;
  const std::string_view origin = find_field(head.fields, "origin");
  if (origin.empty()) return answer_plainly(request, out, parsed);
  if (!allows(origin)) {
    write_problem(error(errc::bad_configuration,
                        "web pages of " + std::string(origin.substr(0, 200)) +
                            " may not use this executor: executor_config::allowed_origins does not "
                            "name them"),
                  out, 403);
    out.fields += "vary: origin\r\n";
    return false;
  }
  bool goes_on = false;
  if (is_preflight(head) && serves(head.target)) {
    out.clear();
    out.status = 204;
    out.fields.append("access-control-allow-methods: GET, HEAD, POST\r\n")
        .append("access-control-allow-headers: ")
        .append(call_fields)
        .append("\r\naccess-control-max-age: 600\r\n");
  } else {
    goes_on = answer_plainly(request, out, parsed);
  }
  std::string& fields = goes_on ? parsed.answer_fields : out.fields;
  append_field(fields, "access-control-allow-origin", origin);
  fields.append("access-control-expose-headers: modal-call-id, modal-report, retry-after\r\n")
      .append("vary: origin\r\n");
  return goes_on;
}

// Writes the answer of those that have no session to give. Returns whether one is wanted, and may
// be: the request asks for it in the terms of RFC 9110 section 7.8, and has no body.
bool door::answer_session(const request_head& head, reply& out) const {
  if (head.method != "GET") {
    write_method_error(head.method, "GET", out);
    return false;
  }
  if (calls_.draining()) {
    write_problem(error(errc::draining, "this executor takes no new calls"), out);
    return false;
  }
  write_problem(error(errc::unsupported_feature,
                      "this is for callers who upgrade their connection to modal/1"),
                out, 426);
  out.fields += "upgrade: modal/1\r\nconnection: upgrade\r\n";
  return http1::has_token(head.fields, "connection", "upgrade") &&
         http1::has_token(head.fields, "upgrade", session_protocol) && !head.is_chunked &&
         head.content_length.value_or(0) == 0;
}

bool door::answer_plainly(const incoming_request& request, reply& out, parsed_call& parsed) const {
  const request_head& head = request.head;
  const std::string_view path = path_of(head.target);
  if (path == session_path) {
    parsed.wants_session = answer_session(head, out);
    return false;
  }
  if (!looks_like_call(path)) {
    const route found = routes::find(path);
    if (found == route::none)
      write_problem(error(errc::unknown_route, "there is nothing at this path"), out);
    else if (head.method != "GET" && head.method != "HEAD")
      write_method_error(head.method, "GET, HEAD", out);
    else
      routes_->write(found, request, out);
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
  if (same_field(type, call_media_type)) {
    parsed.how = encoding::binary;
  } else if (same_field(type, json_media_type)) {
    parsed.how = encoding::json;
  } else {
    write_problem(error(errc::unsupported_media,
                        "a call's body is application/vnd.modal.call or "
                        "application/json"),
                  out);
    out.fields += accept_post;
    return false;
  }
  const bool is_encoded =
      std::any_of(head.fields.begin(), head.fields.end(), [](const http_field& field) {
        return same_field(field.name, "content-encoding") && !field.value.empty() &&
               !same_field(field.value, "identity");
      });
  if (is_encoded) {
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
  parsed.head = *std::move(fields);
  parsed.head.function = *name;
  return true;
}

opened_call door::open(const incoming_request& request, reply& out, body_state body) {
  parsed_call parsed;
  if (!prepare(request, out, parsed))
    return {.admitted = {}, .answer_fields = {}, .wants_session = parsed.wants_session};
  std::optional<std::size_t> size;
  if (request.head.content_length) size = static_cast<std::size_t>(*request.head.content_length);
  auto admitted = calls_.admit(std::move(parsed.head), parsed.how, size, body, request.caller);
  if (admitted)
    return {.admitted = *std::move(admitted), .answer_fields = std::move(parsed.answer_fields)};
  write_problem(admitted.error(), out);
  out.fields += parsed.answer_fields;
  return {};
}

bool door::refuses(const incoming_request& request, reply& out) const {
  parsed_call parsed;
  if (!prepare(request, out, parsed)) return true;
  std::optional<std::size_t> size;
  if (request.head.content_length) size = static_cast<std::size_t>(*request.head.content_length);
  const auto reason = calls_.refusal(parsed.head, parsed.how, size);
  if (reason) write_problem(*reason, out);
  return reason.has_value();
}

}  // namespace modal::detail
