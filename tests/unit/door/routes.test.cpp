// SPDX-License-Identifier: Apache-2.0
#include "door/routes.hpp"

#include "device/host/host_device.hpp"
#include "unit/dispatch/fake_calls.hpp"

#include <nlohmann/json.hpp>

#include <set>

using namespace test;
using nlohmann::json;

namespace {

struct visitor {
  visitor() : the_door(b.calls, [] { return std::size_t{7}; }) {}
  const reply& get(std::string_view target, std::vector<http_field> fields = {}) {
    const request_head head{.method = "GET", .target = target, .fields = fields};
    the_door.open({.head = head}, answer);
    return answer;
  }
  bench b;
  door the_door;
  reply answer;
};

schema scalar(kind what, std::uint8_t bytes = 4, bool is_signed = true) {
  schema made;
  made.kind = what;
  made.bytes = bytes;
  made.is_signed = is_signed;
  return made;
}

schema nested(kind what, std::vector<schema> parts, std::string name = {},
              std::vector<std::string> labels = {}) {
  schema made;
  made.kind = what;
  made.parts = std::move(parts);
  made.name = std::move(name);
  made.labels = std::move(labels);
  return made;
}

// One parameter of every kind.
const function_signature& rich_signature() {
  static const auto made = [] {
    const schema i32 = scalar(kind::integer);
    const schema text = scalar(kind::text);
    schema plain_enum = scalar(kind::enumeration, 1, false);
    plain_enum.name = "plain";
    schema named_enum = plain_enum;
    named_enum.labels = {"red", "green"};
    named_enum.values = {0, 5};
    schema fixed = nested(kind::array, {i32});
    fixed.count = 3;
    schema blob_array = nested(kind::array, {scalar(kind::integer, 1, false)});
    blob_array.count = 16;
    schema ticks = nested(kind::period, {scalar(kind::integer, 8)});
    ticks.denominator = 1000;
    schema instant = ticks;
    instant.kind = kind::instant;
    schema by_place = nested(kind::structure, {i32, text}, "by_place", {"", ""});
    by_place.by_function = true;
    schema by_name = nested(kind::structure, {i32, text}, "by_name", {"width", ""});
    by_name.by_function = true;
    const schema self = nested(kind::recursion, {}, "tree");
    return make_signature(
        {scalar(kind::boolean),
         i32,
         scalar(kind::integer, 8, false),
         scalar(kind::integer, 8),
         scalar(kind::floating),
         scalar(kind::floating, 8),
         plain_enum,
         named_enum,
         text,
         scalar(kind::blob),
         nested(kind::list, {i32}),
         fixed,
         blob_array,
         nested(kind::set, {i32}),
         nested(kind::map, {text, i32}),
         nested(kind::map, {i32, text}),
         nested(kind::optional, {i32}),
         nested(kind::variant, {i32, text}),
         nested(kind::tuple, {i32, text}),
         nested(kind::tuple, {}),
         by_place,
         by_name,
         nested(kind::structure, {nested(kind::list, {self})}, "tree", {"children"}),
         ticks,
         instant},
        scalar(kind::nothing));
  }();
  return made;
}

// Checks what OpenAPI 3.1 and JSON Schema 2020-12 ask of a schema.
void check_schema(const json& shape, const json& root) {
  REQUIRE(shape.is_object());
  static const std::set<std::string> types{"null",   "boolean", "object", "array",
                                           "number", "string",  "integer"};
  if (shape.contains("$ref")) {
    const std::string to = shape["$ref"];
    REQUIRE(to.starts_with("#"));
    CHECK(root.contains(json::json_pointer(to.substr(1))));
  }
  if (shape.contains("type")) CHECK(types.count(shape["type"].get<std::string>()) == 1);
  for (const char* list : {"anyOf", "oneOf", "prefixItems"})
    if (shape.contains(list)) {
      REQUIRE(shape[list].is_array());
      REQUIRE_FALSE(shape[list].empty());
      for (const auto& each : shape[list]) check_schema(each, root);
    }
  for (const char* one : {"items", "additionalProperties"})
    if (shape.contains(one) && !shape[one].is_boolean()) check_schema(shape[one], root);
  if (shape.contains("properties"))
    for (const auto& each : shape["properties"]) check_schema(each, root);
  if (shape.contains("required"))
    for (const auto& name : shape["required"])
      CHECK(shape["properties"].contains(name.get<std::string>()));
  if (shape.contains("enum")) {
    CHECK(shape["enum"].is_array());
    CHECK_FALSE(shape["enum"].empty());
  }
}

}  // namespace

TEST_CASE("routes: list the functions", "[executor][routes]") {
  visitor v;
  const auto document = json::parse(v.get("/v1/functions").body);
  CHECK(v.answer.content_type == json_media_type);
  CHECK(document["modal"]["protocol"] == protocol_version);
  CHECK(document["modal"]["version"] == library_version());
  CHECK(document["limits"]["body_bytes"] == limits{}.body_bytes);
  REQUIRE(document["functions"].size() == some_functions().size());
  bool found = false;
  for (const auto& each : document["functions"]) {
    if (each["name"] != "test::stubborn") continue;
    found = true;
    CHECK(each["signature"] == bytes_signature().text);
    CHECK(each["signature_id"] == bytes_signature().id.to_string());
    CHECK(each["options"]["retries"] == 3);
    CHECK(each["path"] == call_path("test::stubborn"));
  }
  CHECK(found);
}

TEST_CASE("routes: save sending a document that the client has", "[executor][routes]") {
  visitor v;
  const std::string fields = v.get("/v1/functions").fields;
  const auto begin = fields.find("etag: ") + 6;
  const std::string etag = fields.substr(begin, fields.find("\r\n", begin) - begin);
  CHECK(etag.size() == 34);
  for (const std::string& sent : {etag, "W/" + etag, "\"x\", " + etag, std::string("*")}) {
    const reply& again = v.get("/v1/functions", {{"if-none-match", sent}});
    CHECK(again.status == 304);
    CHECK(again.body.empty());
    CHECK(again.fields.find(etag) != std::string::npos);
  }
  CHECK(v.get("/v1/functions", {{"if-none-match", "\"x\""}}).status == 200);
  CHECK(v.get("/openapi.json", {{"if-none-match", etag}}).status == 200);
}

TEST_CASE("routes: tell whether the executor lives and is ready", "[executor][routes]") {
  visitor v;
  CHECK(v.get("/healthz").status == 200);
  CHECK(v.get("/readyz").status == 200);
  v.b.calls.drain();
  CHECK(v.get("/healthz").status == 200);
  CHECK(v.get("/readyz").status == 503);
  CHECK(v.answer.fields.find("retry-after: ") != std::string::npos);
}

TEST_CASE("routes: count calls in Prometheus' format", "[executor][routes]") {
  visitor v;
  v.b.calls.start();
  v.b.call("test::echo").get();
  v.b.call("test::throw_int").get();
  CHECK(v.b.admit("test::nothing").has_error());
  const std::string text = v.get("/metrics").body;
  CHECK(v.answer.content_type == "text/plain; version=0.0.4");
  for (const char* line :
       {"modal_calls_total{function=\"test::echo\",outcome=\"ok\"} 1\n",
        "modal_calls_total{function=\"test::throw_int\",outcome=\"function_failed\"} 1\n",
        "modal_unknown_function_calls_total 1\n",
        "modal_run_seconds_count{function=\"test::echo\"} 1\n",
        "modal_run_seconds_bucket{function=\"test::echo\",le=\"+Inf\"} 1\n",
        "modal_received_bytes_total{function=\"test::echo\"} 3\n", "modal_connections 7\n",
        "# TYPE modal_queue_seconds histogram\n"})
    CHECK_THAT(text, contains(line));
  // Every line is a comment or "name{labels} number".
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = text.find('\n', begin);
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    if (line.starts_with("# ")) continue;
    const auto space = line.rfind(' ');
    REQUIRE(space != std::string::npos);
    std::size_t used = 0;
    CHECK_NOTHROW(std::stod(line.substr(space + 1), &used));
    CHECK(line.starts_with("modal_"));
  }
}

TEST_CASE("routes: describe all functions in OpenAPI 3.1", "[executor][routes]") {
  catalog functions;
  auto entry = describe<test::functions::echo>("a::rich<int>", {.description = "does \"it\""});
  entry.signature = &rich_signature;
  REQUIRE(functions.add(entry).has_value());
  REQUIRE(functions.add(describe<test::functions::echo>("b::echo")).has_value());
  const auto document = json::parse(openapi_text(functions));
  CHECK(document["openapi"] == "3.1.0");
  CHECK(document["info"]["title"].is_string());
  CHECK(document["info"]["version"].is_string());
  REQUIRE(document["paths"].size() == 2);
  std::set<std::string> ids;
  for (const auto& [path, item] : document["paths"].items()) {
    CHECK(path.starts_with("/v1/functions/"));
    CHECK(path.find('{') == std::string::npos);
    CHECK(path.find('<') == std::string::npos);
    const json& operation = item["post"];
    CHECK(ids.insert(operation["operationId"]).second);
    const json& request = operation["requestBody"]["content"]["application/json"]["schema"];
    check_schema(request, document);
    CHECK(operation["responses"]["200"]["description"].is_string());
    CHECK(operation["responses"]["5XX"]["description"].is_string());
    check_schema(operation["responses"]["200"]["content"]["application/json"]["schema"], document);
    check_schema(operation["responses"]["4XX"]["content"]["application/problem+json"]["schema"],
                 document);
  }
  for (const auto& each : document["components"]["schemas"]) check_schema(each, document);

  const json& args = document["paths"][call_path("a::rich<int>")]["post"]["requestBody"]["content"]
                             ["application/json"]["schema"]["properties"]["args"];
  REQUIRE(args["prefixItems"].size() == rich_signature().parameters.size());
  CHECK(args["prefixItems"][1]["minimum"] == INT32_MIN);
  CHECK(args["prefixItems"][2]["maximum"] == UINT64_MAX);
  CHECK(args["prefixItems"][3]["minimum"] == INT64_MIN);
  CHECK(args["prefixItems"][9]["contentEncoding"] == "base64");
  CHECK(args["prefixItems"][12]["type"] == "array");
  const auto component = [&](std::size_t index) -> const json& {
    return document[json::json_pointer(
        args["prefixItems"][index]["$ref"].get<std::string>().substr(1))];
  };
  CHECK(component(20)["type"] == "array");
  CHECK(component(21)["properties"].contains("value1"));
  CHECK(document["security"] == json::array());
  CHECK(document["servers"][0]["url"] == "/");
}

TEST_CASE("routes: OpenAPI describes the JSON that is read", "[executor][routes]") {
  const auto document_of = [](const function_signature& (*signature)()) {
    catalog functions;
    auto entry = describe<test::functions::echo>(
        "f", {.arguments = {"first", "second", "third", "fourth", "fifth", "sixth"}});
    entry.signature = signature;
    REQUIRE(functions.add(entry).has_value());
    return json::parse(openapi_text(functions));
  };
  const schema text{.kind = kind::text};
  const schema maybe{.kind = kind::optional, .parts = {text}};
  static const auto signature = make_signature(
      {{.kind = kind::structure, .name = "plain", .parts = {text, maybe}, .labels = {"x", "y"}},
       {.kind = kind::structure,
        .name = "named",
        .parts = {maybe},
        .labels = {"a"},
        .by_function = true},
       {.kind = kind::map, .parts = {text, text}, .repeats = true},
       {.kind = kind::map, .parts = {text, text}},
       {.kind = kind::set, .parts = {text}, .repeats = true},
       {.kind = kind::set, .parts = {text}}},
      {});
  const json document = document_of(+[]() -> const function_signature& { return signature; });
  const json parts = document["paths"][call_path("f")]["post"]["requestBody"]["content"]
                             ["application/json"]["schema"]["properties"]["args"]["prefixItems"];
  REQUIRE(parts.size() == 6);
  CHECK(parts[0]["title"] == "first");
  CHECK(parts[0]["$ref"] == "#/components/schemas/plain");
  const json plain = document["components"]["schemas"]["plain"];
  REQUIRE(plain["anyOf"].size() == 2);
  CHECK(plain["anyOf"][0]["properties"].contains("y"));
  CHECK(plain["anyOf"][0]["required"] == json{"x"});
  CHECK(plain["anyOf"][1]["minItems"] == 2);
  const json named = document["components"]["schemas"]["named"];
  CHECK(named["type"] == "object");
  CHECK(named["required"] == json::array());
  CHECK(parts[2]["items"]["prefixItems"].size() == 2);
  CHECK(parts[3]["type"] == "object");
  CHECK(parts[4]["uniqueItems"] == false);
  CHECK(parts[5]["uniqueItems"] == true);
}

TEST_CASE("routes: know the program's build id", "[executor][routes]") {
  CHECK(build_id().size() % 2 == 0);
  CHECK(build_id() == build_id());
}

TEST_CASE("routes: tell of devices, and what they are busy with", "[executor][routes]") {
  dispatcher_config config{.threads = 1};
  config.devices.push_back(std::make_shared<device_slot>(std::make_shared<host_device>(
      host_device_config{.index = 0, .memory_bytes = 1000, .on_copy = {}})));
  bench b(config);
  door the_door(b.calls, [] { return std::size_t{0}; });
  const auto get = [&](std::string_view target) {
    reply answer;
    const request_head head{.method = "GET", .target = target, .fields = {}};
    the_door.open({.head = head}, answer);
    CHECK(answer.status == 200);
    return answer.body;
  };
  const json devices = json::parse(get("/v1/devices"))["devices"];
  REQUIRE(devices.size() == 1);
  CHECK(devices[0]["name"] == "host:0");
  CHECK(devices[0]["memory_bytes"] == 1000);
  CHECK(devices[0]["used_bytes"] == 0);
  CHECK(devices[0]["calls"] == 0);
  CHECK_FALSE(devices[0].contains("capability"));
  CHECK_THAT(get("/metrics"), contains("modal_device_memory_bytes{device=\"host:0\"} 1000\n"));
  visitor none;
  CHECK(json::parse(none.get("/v1/devices").body)["devices"].empty());
  CHECK_THAT(none.get("/metrics").body, !contains("modal_device"));
}

TEST_CASE("routes: a device that has failed is said by those who ask", "[executor][routes]") {
  modal::detail::dispatcher_snapshot now;
  CHECK(modal::detail::ready_text(now) == "ready\n");
  now.devices.push_back({{.index = 0, .model = "one"}, {}, 0, 0, false});
  now.devices.push_back({{.index = 1, .model = "two"}, {}, 0, 0, true});
  CHECK(modal::detail::ready_text(now) == "degraded: host:1 has failed\n");
  CHECK_THAT(modal::detail::devices_text(now), test::contains("\"has_failed\": true"));
}

TEST_CASE("routes: what is known of a GPU from outside is told, and nothing else",
          "[executor][routes]") {
  modal::detail::dispatcher_snapshot now;
  modal::detail::device_info gpu;
  gpu.what = modal::detail::device_info::kind::cuda;
  gpu.model = "NVIDIA H200";
  gpu.nvlinks = 18;
  gpu.cuda = 13'010;
  gpu.driver = "580.65.06";
  now.devices.push_back({gpu, {}, 0, 0, false, {.busy_percent = 40U, .milliwatts = 250'500U}});
  now.devices.push_back({{.model = "host device"}, {}, 0, 0, false});
  const json told = json::parse(modal::detail::devices_text(now))["devices"];
  CHECK(told[0]["nvlinks"] == 18);
  CHECK(told[0]["cuda"] == "13.1");
  CHECK(told[0]["driver"] == "580.65.06");
  CHECK(told[0]["busy_percent"] == 40);
  CHECK(told[0]["watts"] == 250.5);
  CHECK_FALSE(told[0].contains("celsius"));
  CHECK_FALSE(told[1].contains("busy_percent"));
  CHECK_FALSE(told[1].contains("cuda"));
  const std::string metrics = modal::detail::metrics_text(now, 0);
  CHECK_THAT(metrics, contains("modal_device_busy_percent{device=\"cuda:0\"} 40\n"));
  CHECK_THAT(metrics, contains("modal_device_milliwatts{device=\"cuda:0\"} 250500\n"));
  CHECK_THAT(metrics, !contains("modal_device_celsius"));
}
