// SPDX-License-Identifier: Apache-2.0
#include "door/door.hpp"

#include "unit/dispatch/fake_calls.hpp"

#include <nlohmann/json.hpp>

using namespace test;

namespace {

// A door, and one request at a time.
struct visitor {
  explicit visitor(dispatcher_config config = {.threads = 1})
      : b(std::move(config)), the_door(b.calls, nullptr, {"https://App.example.org"}) {}

  ticket open(std::string_view method, std::string_view target, std::vector<http_field> fields = {},
              std::optional<std::uint64_t> length = std::nullopt) {
    const request_head head{.method = method,
                            .target = target,
                            .fields = fields,
                            .content_length = length,
                            .is_chunked = false};
    auto opened = the_door.open({.head = head, .caller = caller}, answer);
    answer_fields = std::move(opened.answer_fields);
    return std::move(opened.admitted);
  }
  ticket post(std::string_view function, std::vector<http_field> fields,
              std::optional<std::uint64_t> length = 3) {
    return open("POST", call_path(function), std::move(fields), length);
  }
  [[nodiscard]] nlohmann::json problem() const {
    CHECK(answer.content_type == problem_media_type);
    auto document = nlohmann::json::parse(answer.body);
    CHECK(document["status"] == answer.status);
    return document;
  }
  [[nodiscard]] bool has_field(std::string_view line) const {
    return answer.fields.find(std::string(line) + "\r\n") != std::string::npos;
  }

  bench b;
  door the_door;
  principal_ptr caller;
  reply answer;
  std::string answer_fields;
};

const std::string signature_text = bytes_signature().id.to_string();
const http_field binary{"Content-Type", "application/vnd.modal.call"};
const http_field json{"Content-Type", "application/json; charset=utf-8"};
const http_field signature{"modal-signature", signature_text};

}  // namespace

TEST_CASE("door: admits binary and JSON calls", "[executor][door]") {
  visitor v;
  const auto first = v.post("test::echo", {binary, signature});
  REQUIRE(first);
  CHECK(first->encoding == encoding::binary);
  CHECK(first->head.function == "test::echo");
  const auto second = v.post("test::echo", {json});
  REQUIRE(second);
  CHECK(second->encoding == encoding::json);
}

TEST_CASE("door: reads the fields of a call", "[executor][door]") {
  visitor v;
  const auto id = call_id::random();
  const std::string id_text = id.to_string();
  const auto call = v.post(
      "test::echo", {json,
                     {"MODAL-CALL-ID", id_text},
                     {"modal-timeout-us", "5000"},
                     {"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}});
  REQUIRE(call);
  CHECK(call->head.id == id);
  CHECK(call->head.traceparent == "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  CHECK(call->deadline == v.b.clock.now() + 5ms);
}

TEST_CASE("door: takes absolute targets and queries", "[executor][door]") {
  visitor v;
  CHECK(v.open("POST", "http://host:1/v1/functions/test::echo/call?x=1", {json}, 3));
  v.open("GET", "http://host/healthz");
  CHECK(v.answer.status == 200);
  v.open("GET", "http://host");
  CHECK(v.answer.status == 404);
}

TEST_CASE("door: does not know other routes", "[executor][door]") {
  visitor v;
  for (const std::string_view target :
       {"/", "/v1", "/v1/functions/", "/v1/functions//call", "/v1/functions/a/b/call", "/healthz/",
        "/v1/functions/test::echo", "*", ""}) {
    CHECK_FALSE(v.open("GET", target));
    CHECK(v.answer.status == 404);
    CHECK(v.problem()["type"] == "urn:modal:error:unknown_route");
  }
  CHECK(door::serves("/v1/functions"));
  CHECK(door::serves("/v1/functions/x/call?y"));
  CHECK_FALSE(door::serves("/index.html"));
}

TEST_CASE("door: refuses broken percent-encoding", "[executor][door]") {
  visitor v;
  CHECK_FALSE(v.open("POST", "/v1/functions/a%2/call", {json}, 3));
  CHECK(v.answer.status == 400);
}

TEST_CASE("door: names the methods that a route has", "[executor][door]") {
  visitor v;
  v.open("GET", call_path("test::echo"));
  CHECK(v.answer.status == 405);
  CHECK(v.has_field("allow: POST"));
  v.open("DELETE", "/v1/functions");
  CHECK(v.answer.status == 405);
  CHECK(v.has_field("allow: GET, HEAD"));
  v.open("BREW", "/v1/functions");
  CHECK(v.answer.status == 501);
}

TEST_CASE("door: says which bodies it takes", "[executor][door]") {
  visitor v;
  for (const std::string_view type : {"text/plain", "application/jsonx", ""}) {
    v.post("test::echo", {{"content-type", type}});
    CHECK(v.answer.status == 415);
    CHECK(v.has_field("accept-post: application/vnd.modal.call, application/json"));
  }
  v.post("test::echo", {});
  CHECK(v.answer.status == 415);
  v.post("test::echo", {json, {"content-encoding", "gzip"}});
  CHECK(v.answer.status == 415);
  CHECK(v.has_field("accept-encoding: identity"));
  CHECK(v.post("test::echo", {json, {"content-encoding", "identity"}}));
}

TEST_CASE("door: wants a length", "[executor][door]") {
  visitor v;
  CHECK_FALSE(v.post("test::echo", {json}, std::nullopt));
  CHECK(v.answer.status == 411);
}

TEST_CASE("door: knows one expectation", "[executor][door]") {
  visitor v;
  CHECK_FALSE(v.post("test::echo", {json, {"Expect", "200-ok"}}));
  CHECK(v.answer.status == 417);
  CHECK(v.post("test::echo", {json, {"Expect", "100-Continue"}}));
}

TEST_CASE("door: refuses fields out of form", "[executor][door]") {
  visitor v;
  for (const http_field field : {http_field{"modal-call-id", "xyz"},
                                 {"modal-signature", "12"},
                                 {"modal-timeout-us", "-1"},
                                 {"modal-attempt", "0"}}) {
    CHECK_FALSE(v.post("test::echo", {json, field}));
    CHECK(v.answer.status == 400);
    CHECK(v.problem()["type"] == "urn:modal:error:malformed_request");
    CHECK(v.problem()["function"] == "test::echo");
  }
  v.post("test::echo", {json, {"modal-version", "2"}});
  CHECK(v.problem()["type"] == "urn:modal:error:unsupported_feature");
}

TEST_CASE("door: turns every refusal into a problem document", "[executor][door]") {
  visitor v({.bounds = {.body_bytes = 10, .bytes_in_flight = 15}, .threads = 1});
  v.post("test::ecko", {json});
  CHECK(v.answer.status == 404);
  CHECK(v.problem()["type"] == "urn:modal:error:unknown_function");

  const std::string other = signature_id::from_name("other").to_string();
  v.post("test::echo", {binary, {"modal-signature", other}});
  CHECK(v.answer.status == 409);
  CHECK(v.problem()["signature"] == bytes_signature().text);

  v.post("test::echo", {json}, 11);
  CHECK(v.answer.status == 413);
  v.post("test::echo", {json}, std::uint64_t{1} << 60);
  CHECK(v.answer.status == 413);

  const auto held = v.post("test::echo", {json}, 10);
  v.post("test::echo", {json}, 10);
  CHECK(v.answer.status == 503);
  CHECK(v.has_field("retry-after: 1"));
  CHECK(v.problem()["retry_after_ms"] > 0);
  CHECK(v.problem()["condition"] == "retry_later");

  v.b.calls.drain();
  v.post("test::echo", {json}, 1);
  CHECK(v.answer.status == 503);
  CHECK(v.problem()["type"] == "urn:modal:error:draining");
}

TEST_CASE("door: refuses without reserving when it is only asked", "[executor][door]") {
  visitor v;
  reply answer;
  const std::vector<http_field> fields{json};
  const std::string path = call_path("test::echo");
  const request_head head{.method = "POST", .target = path, .fields = fields, .content_length = 3};
  CHECK_FALSE(v.the_door.refuses({.head = head}, answer));
  CHECK(v.b.calls.snapshot().admitted == 0);
  v.b.calls.drain();
  CHECK(v.the_door.refuses({.head = head}, answer));
  CHECK(answer.status == 503);
}

TEST_CASE("door: writes results with their report", "[executor][door]") {
  call about;
  about.head.id = call_id::random();
  const std::string id_line = "modal-call-id: " + about.head.id.to_string();
  reply out;
  const executor_report report{.queue = 1us, .decode = 2us, .run = 3us, .encode = 4us};
  SECTION("binary") {
    payload result;
    door::write_answer({.about = about, .binary = &result, .json = nullptr, .report = report},
                       "x: y\r\n", out);
    CHECK(out.status == 200);
    CHECK(out.content_type == call_media_type);
    CHECK(out.body.empty());
    CHECK(out.fields.find(id_line) != std::string::npos);
    CHECK(out.fields.find("queue=1000,decode=2000,run=3000,encode=4000,attempts=1\r\n") !=
          std::string::npos);
  }
  SECTION("JSON") {
    std::string text = "[1.5]";
    door::write_answer({.about = about, .binary = nullptr, .json = &text, .report = report},
                       "x: y\r\n", out);
    const auto document = nlohmann::json::parse(out.body);
    CHECK(document["result"][0] == 1.5);
    CHECK(document["report"]["run_ns"] == 3000);
    CHECK(document["report"]["call_id"] == about.head.id.to_string());
  }
  SECTION("an error") {
    error failure(errc::function_failed, "no \"pixels\"\n\xff");
    failure.details().exception_type = "bad_pixel";
    door::write_answer({.about = about, .failure = &failure, .report = report}, "x: y\r\n", out);
    CHECK(out.status == 500);
    const auto document = nlohmann::json::parse(out.body);
    CHECK(document["exception_type"] == "bad_pixel");
    CHECK(out.fields.find("attempts=1") != std::string::npos);
  }
  SECTION("a cancelled and a late call") {
    error failure(errc::cancelled);
    door::write_answer({.about = about, .failure = &failure, .report = report}, "x: y\r\n", out);
    CHECK(out.status == 499);
    failure = error(errc::deadline_exceeded);
    door::write_answer({.about = about, .failure = &failure, .report = report}, "x: y\r\n", out);
    CHECK(out.status == 504);
  }
}

TEST_CASE("door: refuses web pages that are not named", "[executor][door]") {
  visitor v;
  CHECK_FALSE(v.post("test::echo", {json, {"Origin", "https://evil.example"}}));
  CHECK(v.answer.status == 403);
  CHECK_THAT(v.problem()["detail"].get<std::string>(), contains("allowed_origins"));
  CHECK_FALSE(v.open("GET", "/v1/functions", {{"origin", "null"}}));
  CHECK(v.answer.status == 403);
  CHECK(v.answer.fields.find("allow-origin") == std::string::npos);
}

TEST_CASE("door: lets web pages that are named read the answers", "[executor][door]") {
  visitor v;
  const http_field page{"origin", "https://app.example.org"};
  const std::string allowed = "access-control-allow-origin: https://app.example.org";
  CHECK_FALSE(v.open("OPTIONS", call_path("test::echo"),
                     {page, {"access-control-request-method", "POST"}}));
  CHECK(v.answer.status == 204);
  CHECK(v.has_field(allowed));
  CHECK(v.has_field("access-control-allow-methods: GET, HEAD, POST"));
  CHECK_FALSE(v.open("GET", "/healthz", {page}));
  CHECK(v.answer.status == 200);
  CHECK(v.has_field(allowed));
  CHECK_FALSE(v.post("test::none", {json, page}));
  CHECK(v.answer.status == 404);
  CHECK(v.has_field(allowed));
  const auto admitted = v.post("test::echo", {json, page});
  REQUIRE(admitted);
  CHECK_THAT(v.answer_fields, contains(allowed));
}

TEST_CASE("door: a call knows who makes it", "[executor][door]") {
  visitor v;
  CHECK(v.post("test::echo", {json})->caller == nullptr);
  v.caller = std::make_shared<const principal>(principal{.name = "alice"});
  const auto admitted = v.post("test::echo", {json});
  REQUIRE(admitted->caller != nullptr);
  CHECK(admitted->caller->name == "alice");
}

TEST_CASE("door: reads targets as they may be written", "[executor][door]") {
  visitor v;
  for (const auto* target : {"HTTP://a/healthz", "https://a:1/healthz?x", "/healthz?/"}) {
    CHECK_FALSE(v.open("GET", target));
    CHECK(v.answer.status == 200);
  }
  for (const auto* target : {"http://a?/healthz", "http://a", "?/healthz", "ftp://a/healthz"}) {
    CHECK_FALSE(v.open("GET", target));
    CHECK(v.answer.status == 404);
  }
}

TEST_CASE("door: looks at every content-encoding", "[executor][door]") {
  visitor v;
  CHECK_FALSE(
      v.post("test::echo", {json, {"content-encoding", "identity"}, {"content-encoding", "gzip"}}));
  CHECK(v.answer.status == 415);
}
