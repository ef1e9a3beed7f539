// SPDX-License-Identifier: Apache-2.0
#include "door/openapi_types.hpp"
#include "door/routes.hpp"

#include <set>

namespace modal::detail {
namespace {

using json = openapi_types::json;

json content(std::string_view type, json body) {
  return {{std::string(type), {{"schema", std::move(body)}}}};
}

json problems(std::string_view what) {
  return {{"description", std::string(what) + "; `code` is stable, see the problem's `type`"},
          {"content", content(problem_media_type, {{"$ref", "#/components/schemas/problem"}})}};
}

json operation_of(const std::string& name, const function_descriptor& entry, openapi_types& types) {
  const function_signature& signature = entry.signature();
  const std::vector<std::string> names(entry.options.arguments.begin(),
                                       entry.options.arguments.end());
  const json request = {{"type", "object"},
                        {"properties", {{"args", types.describe_all(signature.parameters, names)}}},
                        {"required", {"args"}}};
  const json answer = {{"type", "object"},
                       {"properties",
                        {{"result", types.describe(answer_of(signature))},
                         {"report", {{"$ref", "#/components/schemas/report"}}}}},
                       {"required", {"result", "report"}}};
  json made = {{"operationId", plain_name(name)}, {"summary", name + signature.text}};
  if (entry.options.description[0] != '\0') made["description"] = entry.options.description;
  made["requestBody"] = {{"required", true}, {"content", content(json_media_type, request)}};
  made["responses"] = {
      {"200",
       {{"description", "the function's result"}, {"content", content(json_media_type, answer)}}},
      {"4XX", problems("the request is at fault")},
      {"5XX", problems("the call failed, or is to be made again later")}};
  return made;
}

json own_schemas() {
  const json count = {{"type", "integer"}, {"minimum", 0}};
  const json text = {{"type", "string"}};
  return {{"report",
           {{"type", "object"},
            {"properties",
             {{"call_id", text},
              {"queue_ns", count},
              {"decode_ns", count},
              {"run_ns", count},
              {"encode_ns", count},
              {"attempts", count},
              {"device", text},
              {"upload_ns", count},
              {"device_run_ns", count},
              {"download_ns", count},
              {"bytes_up", count},
              {"bytes_down", count},
              {"memory_peak", count},
              {"path", text}}}}},
          {"problem",
           {{"type", "object"},
            {"description", "RFC 9457"},
            {"properties",
             {{"type", text},
              {"title", text},
              {"status", count},
              {"detail", text},
              {"code", count},
              {"function", text},
              {"call_id", text},
              {"exception_type", text},
              {"retry_after_ms", count},
              {"condition", text},
              {"signature", text}}},
            {"required", {"type", "title", "status"}}}}};
}

}  // namespace

std::string openapi_text(const catalog& functions) {
  json schemas = own_schemas();
  std::set<std::string> own;
  for (const auto& [name, each] : schemas.items()) own.insert(name);
  openapi_types types(std::move(own));
  json paths = json::object();
  std::set<std::string> ids;
  for (const auto& [name, entry] : functions) {
    json operation = operation_of(name, entry, types);
    std::string id = operation["operationId"];
    while (!ids.insert(id).second) id += '_';
    operation["operationId"] = id;
    paths[call_path(name)] = {{"post", std::move(operation)}};
  }
  schemas.update(types.components());
  if (functions.size() == 0) schemas = json::object();
  // The license is that of the functions, which nobody states; the address is the one that this was
  // read from.
  const json all = {
      {"openapi", "3.1.0"},
      {"info",
       {{"title", "functions served by modal"},
        {"version", std::string(library_version())},
        {"license", {{"name", "not stated"}, {"identifier", "LicenseRef-not-stated"}}}}},
      {"servers", {{{"url", "/"}}}},
      {"security", json::array()},
      {"paths", std::move(paths)},
      {"components", {{"schemas", std::move(schemas)}}}};
  return all.dump(2, ' ', false, json::error_handler_t::replace) + '\n';
}

}  // namespace modal::detail
