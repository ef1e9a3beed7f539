// SPDX-License-Identifier: Apache-2.0
#include <modal/wire/http_call.hpp>

#include "support/catch.hpp"
#include "support/wire.hpp"

#include <array>
#include <vector>

using modal::errc;
using modal::http_field;
using namespace std::chrono_literals;

namespace {

constexpr std::array all_errors{errc::queue_full,
                                errc::draining,
                                errc::device_out_of_memory,
                                errc::no_device,
                                errc::device_fault,
                                errc::connect_failed,
                                errc::connection_lost,
                                errc::bad_response,
                                errc::unknown_function,
                                errc::unsupported_media,
                                errc::unsupported_feature,
                                errc::unknown_route,
                                errc::signature_mismatch,
                                errc::malformed_payload,
                                errc::too_large,
                                errc::malformed_request,
                                errc::bad_configuration,
                                errc::duplicate_function,
                                errc::duplicate_call,
                                errc::function_failed,
                                errc::result_too_large,
                                errc::cancelled,
                                errc::deadline_exceeded};

const std::string id_text = "00112233445566778899aabbccddeeff";

modal::result<modal::call_head> parse(std::string_view name, std::string_view value) {
  const std::array fields{http_field{name, value}};
  return modal::parse_call_fields(fields);
}

modal::error parse_error(std::string_view name, std::string_view value) {
  const auto parsed = parse(name, value);
  INFO(name << ": " << value);
  REQUIRE_FALSE(parsed.has_value());
  return parsed.error();
}

modal::error from_problem(std::string_view body) {
  return modal::from_problem(500, modal::problem_media_type, body);
}

}  // namespace

TEST_CASE("call path: holds the name", "[wire][http_call]") {
  CHECK(modal::call_path("demo::add") == "/v1/functions/demo::add/call");
}

TEST_CASE("call path: every byte of a name comes back", "[wire][http_call]") {
  std::string name;
  for (int c = 0; c < 256; ++c) name += static_cast<char>(c);
  const auto path = modal::call_path(name);
  for (const char c : path) CHECK((c > ' ' && c < 0x7f));
  CHECK(modal::parse_call_path(path).value() == name);
}

TEST_CASE("call path: the query is not part of it", "[wire][http_call]") {
  CHECK(modal::parse_call_path("/v1/functions/f/call?x=/call").value() == "f");
}

TEST_CASE("call path: other paths are not calls", "[wire][http_call]") {
  for (const auto* path :
       {"", "/", "/v1/functions", "/v1/functions/", "/v1/functions/call", "/v1/functions//call",
        "/v1/functions/f", "/v1/functions/a/b/call", "/v2/functions/f/call",
        "/v1/functions/f/call/", "v1/functions/f/call"}) {
    INFO(path);
    CHECK(modal::parse_call_path(path).value().empty());
  }
}

TEST_CASE("call path: broken percent-encoding is refused", "[wire][http_call]") {
  for (const auto* name : {"%", "a%", "%4", "a%4", "%4g", "%g4", "%%41", "%-1", "% 1"}) {
    const auto parsed = modal::parse_call_path("/v1/functions/" + std::string(name) + "/call");
    INFO(name);
    REQUIRE_FALSE(parsed.has_value());
    CHECK(parsed.error() == errc::malformed_request);
  }
  CHECK(modal::parse_call_path("/v1/functions/%41%62/call").value() == "Ab");
}

TEST_CASE("call fields: without any there are defaults", "[wire][http_call]") {
  const auto head = modal::parse_call_fields({}).value();
  CHECK(head.id.is_nil());
  CHECK(head.signature.is_nil());
  CHECK(head.timeout == 0us);
  CHECK(head.attempt == 1);
  CHECK_FALSE(head.repeats);
  CHECK(head.traceparent.empty());
}

TEST_CASE("call fields: all are read, in any case", "[wire][http_call]") {
  const std::array fields{
      http_field{"Modal-Version", "1"},
      http_field{"MODAL-CALL-ID", id_text},
      http_field{"modal-signature", id_text},
      http_field{"modal-timeout-us", "2500000"},
      http_field{"modal-attempt", "3"},
      http_field{"modal-on-lost", "repeat"},
      http_field{"TraceParent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
      http_field{"x-unknown", "ignored"}};
  const auto head = modal::parse_call_fields(fields).value();
  CHECK(head.id.to_string() == id_text);
  CHECK(head.signature == head.id);
  CHECK(head.timeout == 2500ms);
  CHECK(head.attempt == 3);
  CHECK(head.repeats);
  CHECK(head.traceparent == "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
}

TEST_CASE("call fields: ids must be ids", "[wire][http_call]") {
  CHECK(parse_error("modal-call-id", "") == errc::malformed_request);
  CHECK(parse_error("modal-call-id", id_text + "0") == errc::malformed_request);
  CHECK(parse_error("modal-signature", "xyz") == errc::malformed_request);
}

TEST_CASE("call fields: numbers must be numbers in range", "[wire][http_call]") {
  for (const auto* value :
       {"", "-1", "+1", "1.5", "1s", " 1", "99999999999999999999", "9223372036854775807"})
    CHECK(parse_error("modal-timeout-us", value) == errc::malformed_request);
  for (const auto* value : {"", "0", "-1", "1001", "x"})
    CHECK(parse_error("modal-attempt", value) == errc::malformed_request);
  for (const auto* value : {"", "fail", "REPEAT"})
    CHECK(parse_error("modal-on-lost", value) == errc::malformed_request);
  for (const auto* value : {"", "0", "one"})
    CHECK(parse_error("modal-version", value) == errc::malformed_request);
}

TEST_CASE("call fields: no time left is not the same as no limit", "[wire][http_call]") {
  CHECK(parse("modal-timeout-us", "0").value().timeout == 1us);
}

TEST_CASE("call fields: another version is refused by name", "[wire][http_call]") {
  const auto reason = parse_error("modal-version", "2");
  CHECK(reason == errc::unsupported_feature);
  CHECK_THAT(reason.message(), test::contains("version 2"));
}

TEST_CASE("call fields: a required feature is refused by name", "[wire][http_call]") {
  const auto reason = parse_error("modal-require", "streaming");
  CHECK(reason == errc::unsupported_feature);
  CHECK_THAT(reason.message(), test::contains("streaming"));
  CHECK(parse("modal-require", "").has_value());
}

TEST_CASE("call fields: a trace context that is too long is dropped", "[wire][http_call]") {
  CHECK(parse("traceparent", std::string(257, 'a')).value().traceparent.empty());
}

TEST_CASE("find_field: finds the first of a name", "[wire][http_call]") {
  const std::array fields{http_field{"A", "1"}, http_field{"b", "2"}, http_field{"a", "3"}};
  CHECK(modal::find_field(fields, "a") == "1");
  CHECK(modal::find_field(fields, "B") == "2");
  CHECK(modal::find_field(fields, "ab").empty());
}

TEST_CASE("media_type: cuts off parameters and white space", "[wire][http_call]") {
  CHECK(modal::media_type("application/json") == "application/json");
  CHECK(modal::media_type(" text/plain \t; charset=utf-8") == "text/plain");
  CHECK(modal::media_type(";x").empty());
  CHECK(modal::media_type("").empty());
}

TEST_CASE("report: comes back", "[wire][http_call]") {
  const modal::executor_report report{
      .queue = 1200ns, .decode = 0ns, .run = 3h, .encode = 7ns, .attempts = 4};
  std::string text;
  modal::append_report(text, report);
  CHECK(text == "queue=1200,decode=0,run=10800000000000,encode=7,attempts=4");
  const auto read = modal::parse_report(text);
  CHECK(read.queue == report.queue);
  CHECK(read.decode == report.decode);
  CHECK(read.run == report.run);
  CHECK(read.encode == report.encode);
  CHECK(read.attempts == 4);
}

TEST_CASE("report: the longest fits into 120 characters", "[wire][http_call]") {
  constexpr auto most = std::chrono::nanoseconds::max();
  std::string text;
  modal::append_report(
      text, {.queue = most, .decode = most, .run = most, .encode = most, .attempts = 1000});
  CHECK(text.size() <= 120);
}

TEST_CASE("report: garbage is ignored, the rest is read", "[wire][http_call]") {
  const auto read = modal::parse_report(
      ",,=,x,queue,queue=,decode=-5,run=1x,new=3,encode=99999999999999999999,attempts=2");
  CHECK(read.queue == 0ns);
  CHECK(read.decode == 0ns);
  CHECK(read.run == 0ns);
  CHECK(read.encode == 0ns);
  CHECK(read.attempts == 2);
  CHECK(modal::parse_report("").attempts == 1);
  CHECK(modal::parse_report("attempts=99999999999").attempts == 1);
}

TEST_CASE("http status: every error has one that is an error", "[wire][http_call]") {
  for (const auto value : all_errors) {
    INFO(modal::to_string(value));
    const int status = modal::http_status(value);
    CHECK(status >= 400);
    CHECK(status < 600);
    CHECK(modal::reason_phrase(status) != "Unknown");
  }
  CHECK(modal::http_status(errc::queue_full) == 503);
  CHECK(modal::http_status(errc::unknown_function) == 404);
  CHECK(modal::http_status(errc::signature_mismatch) == 409);
  CHECK(modal::http_status(errc::too_large) == 413);
  CHECK(modal::http_status(errc::deadline_exceeded) == 504);
  CHECK(modal::reason_phrase(299) == "Unknown");
}

TEST_CASE("problem: every error comes back with its details", "[wire][http_call]") {
  for (const auto value : all_errors) {
    modal::error reason(value, "say \"why\" \xc3\xa9");
    auto& details = reason.details();
    details.function = "demo::f";
    details.call_id = id_text;
    details.exception_type = "std::runtime_error";
    details.signature = "(i32) -> str";
    details.retry_after = 1500ms;
    const int status = modal::http_status(value);
    const auto read = modal::from_problem(status, "application/problem+json; charset=utf-8",
                                          to_problem(reason, status));
    INFO(modal::to_string(value));
    CHECK(read == value);
    CHECK(read.details() == details);
  }
}

TEST_CASE("problem: has the members that are documented", "[wire][http_call]") {
  const auto text = to_problem(modal::error(errc::queue_full, "later"), 503);
  for (const auto* member : {R"("type":"urn:modal:error:queue_full")", R"("status":503)",
                             R"("code":10)", R"("condition":"retry_later")", R"("detail":"later")"})
    CHECK_THAT(text, test::contains(member));
  CHECK(text.find("function") == std::string::npos);
}

TEST_CASE("problem: text that is not UTF-8 is replaced", "[wire][http_call]") {
  const auto text = to_problem(modal::error(errc::function_failed, "a\xff"), 500);
  CHECK(from_problem(text).details().message == "a\xef\xbf\xbd");
}

TEST_CASE("problem: a page of a proxy gives its status and one line of text", "[wire][http_call]") {
  const auto reason = modal::from_problem(
      502, "text/html",
      "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body bgcolor=\"white\">\r\n");
  CHECK(reason.details().message == "status 502 without a problem document: 502 Bad Gateway");
  const auto cut =
      modal::from_problem(502, "text/plain", std::string(159, 'x') + "\xc3\xa4\xc3\xa4");
  CHECK(cut.details().message.ends_with("x…"));
  CHECK(cut.details().message.find('\xc3') == std::string::npos);
}

TEST_CASE("problem: what proxies say is retried where HTTP allows it", "[wire][http_call]") {
  const auto of = [](int status) { return modal::from_problem(status, "text/html", ""); };
  CHECK(of(413) == errc::too_large);
  CHECK(of(429) == modal::condition::retry_later);
  CHECK(of(503) == modal::condition::retry_later);
  CHECK(of(502) == modal::condition::reconnect);
  CHECK(of(504) == modal::condition::reconnect);
  CHECK(of(403) == errc::bad_response);
}

TEST_CASE("trace context: only what has its form is one", "[wire][http_call]") {
  const std::string good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  CHECK(modal::is_traceparent(good));
  CHECK(!modal::is_traceparent(good + "\r\nx: y"));
  CHECK(!modal::is_traceparent(good.substr(1)));
  CHECK(!modal::is_traceparent("ff" + good.substr(2)));
  CHECK(modal::is_traceparent("01" + good.substr(2) + "-later"));
  CHECK(!modal::is_traceparent("00" + good.substr(2) + "-later"));
  CHECK(!modal::is_traceparent("00-00000000000000000000000000000000-b7ad6b7169203331-01"));
  CHECK(!modal::is_traceparent("00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
}

TEST_CASE("problem: documents of others are a bad response", "[wire][http_call]") {
  for (const auto* body :
       {"", "{", "[]", "17", "{}", R"({"type":"about:blank"})", R"({"type":3})",
        R"({"type":"urn:modal:error:"})", R"({"type":"urn:modal:error:none"})", "\xff"}) {
    INFO(body);
    CHECK(from_problem(body) == errc::bad_response);
  }
}

TEST_CASE("problem: members of the wrong kind are left out", "[wire][http_call]") {
  const auto reason = from_problem(
      R"({"type":"urn:modal:error:draining","detail":7,"function":null,"retry_after_ms":-5})");
  CHECK(reason == errc::draining);
  CHECK(reason.details() == modal::diagnostics{});
}

TEST_CASE("problem: nobody can ask for a wait of more than an hour", "[wire][http_call]") {
  const auto reason = from_problem(
      R"({"type":"urn:modal:error:queue_full","retry_after_ms":18446744073709551615})");
  CHECK(reason.details().retry_after == 1h);
}

TEST_CASE("http call: the report of a call on a device", "[wire][http_call]") {
  using modal::transfer_path;
  modal::executor_report report;
  report.device = {.name = "cuda:1",
                   .upload = std::chrono::nanoseconds{10},
                   .run = std::chrono::nanoseconds{20},
                   .download = std::chrono::nanoseconds{30},
                   .bytes_up = 40,
                   .bytes_down = 50,
                   .memory_peak = 60,
                   .path = transfer_path::pinned};
  std::string text;
  modal::append_report(text, report);
  CHECK(text ==
        "queue=0,decode=0,run=0,encode=0,attempts=1,device=cuda:1,upload=10,device-run=20,"
        "download=30,bytes-up=40,bytes-down=50,memory-peak=60,path=pinned");
  const auto read = modal::parse_report(text).device;
  CHECK(read.name == "cuda:1");
  CHECK(read.upload.count() == 10);
  CHECK(read.run.count() == 20);
  CHECK(read.download.count() == 30);
  CHECK(read.bytes_up == 40);
  CHECK(read.bytes_down == 50);
  CHECK(read.memory_peak == 60);
  CHECK(read.path == transfer_path::pinned);
  CHECK(modal::parse_report("device=" + std::string(100, 'x')).device.name.empty());
  CHECK(modal::parse_report("path=by-train,upload=-1").device.path == transfer_path::none);
}
