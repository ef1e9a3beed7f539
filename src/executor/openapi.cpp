// SPDX-License-Identifier: Apache-2.0
#include "executor/routes.hpp"

#include <nlohmann/json.hpp>

namespace modal::detail {
namespace {

using json = nlohmann::ordered_json;

json schema_of(const schema& shape, int depth);

json integer_schema(std::uint8_t bytes, bool is_signed) {
  json made = {{"type", "integer"}};
  if (bytes == 0 || bytes > 8) return made;
  const unsigned bits = 8U * bytes - (is_signed ? 1U : 0U);
  const std::uint64_t most = bits == 64 ? UINT64_MAX : (std::uint64_t{1} << bits) - 1;
  made["minimum"] = is_signed ? json(-static_cast<std::int64_t>(most) - 1) : json(0);
  made["maximum"] = most;
  return made;
}

json number_schema(std::uint8_t bytes) {
  const json text = {{"type", "string"}, {"enum", {"NaN", "Infinity", "-Infinity"}}};
  return {{"anyOf", {{{"type", "number"}, {"format", bytes == 4 ? "float" : "double"}}, text}}};
}

json fixed_array(const std::vector<schema>& parts, int depth) {
  json items = json::array();
  for (const auto& part : parts) items.push_back(schema_of(part, depth));
  json made = {{"type", "array"}, {"minItems", parts.size()}, {"maxItems", parts.size()}};
  if (!parts.empty()) made["prefixItems"] = std::move(items);
  return made;
}

json object_schema(const schema& shape, const std::vector<std::string>& names, int depth) {
  json members = json::object();
  json required = json::array();
  for (std::size_t i = 0; i < shape.parts.size(); ++i) {
    members[names[i]] = schema_of(shape.parts[i], depth);
    if (shape.parts[i].kind != kind::optional) required.push_back(names[i]);
  }
  return {{"type", "object"},
          {"properties", std::move(members)},
          {"required", std::move(required)},
          {"additionalProperties", false}};
}

// As json_input_archive reads it: a structure of which no field has a name is an array, and a plain
// aggregate may be one.
json structure_schema(const schema& shape, int depth) {
  const auto names = member_names(shape);
  json made;
  if (names.size() != shape.parts.size() || names.empty())
    made = fixed_array(shape.parts, depth);
  else if (shape.members.empty())
    made = object_schema(shape, names, depth);
  else
    made = {{"anyOf", {object_schema(shape, names, depth), fixed_array(shape.parts, depth)}}};
  made["title"] = shape.name;
  return made;
}

json enumeration_schema(const schema& shape) {
  json number = integer_schema(shape.bytes, shape.is_signed);
  if (shape.labels.empty()) {
    number["title"] = shape.name;
    return number;
  }
  return {{"title", shape.name},
          {"anyOf",
           {{{"type", "string"}, {"enum", shape.labels}},
            {{"type", "integer"}, {"enum", shape.values}}}}};
}

json map_schema(const schema& shape, int depth) {
  json value = schema_of(shape.parts.at(1), depth);
  if (shape.parts[0].kind == kind::text && !shape.repeats)
    return {{"type", "object"}, {"additionalProperties", std::move(value)}};
  return {{"type", "array"}, {"items", fixed_array(shape.parts, depth)}};
}

json variant_schema(const schema& shape, int depth) {
  json choices = json::array();
  for (std::size_t i = 0; i < shape.parts.size(); ++i)
    choices.push_back(
        {{"type", "object"},
         {"properties", {{"index", {{"const", i}}}, {"value", schema_of(shape.parts[i], depth)}}},
         {"required", {"index", "value"}},
         {"additionalProperties", false}});
  return {{"oneOf", std::move(choices)}};
}

json ticks_schema(const schema& shape, int depth, std::string_view what) {
  json made = schema_of(shape.parts.at(0), depth);
  made["description"] = std::string(what) + ", counted in units of " +
                        std::to_string(shape.numerator) + "/" + std::to_string(shape.denominator) +
                        " seconds";
  return made;
}

json schema_of(const schema& shape, int depth) {
  // Schemas are trees made from types, which end; the bound is for the reader of the document.
  if (++depth > 64) return json::object();
  switch (shape.kind) {
    case kind::nothing:
      return {{"type", "null"}};
    case kind::boolean:
      return {{"type", "boolean"}};
    case kind::integer:
      return integer_schema(shape.bytes, shape.is_signed);
    case kind::floating:
      return number_schema(shape.bytes);
    case kind::enumeration:
      return enumeration_schema(shape);
    case kind::text:
      return {{"type", "string"}};
    case kind::blob:
      return {{"type", "string"}, {"contentEncoding", "base64"}};
    case kind::list:
      return {{"type", "array"}, {"items", schema_of(shape.parts.at(0), depth)}};
    case kind::array:
      if (shape.parts.at(0).kind == kind::integer && shape.parts[0].bytes == 1 &&
          !shape.parts[0].is_signed)
        return {{"type", "string"}, {"contentEncoding", "base64"}};
      return {{"type", "array"},
              {"items", schema_of(shape.parts.at(0), depth)},
              {"minItems", shape.count},
              {"maxItems", shape.count}};
    case kind::set:
      return {{"type", "array"},
              {"items", schema_of(shape.parts.at(0), depth)},
              {"uniqueItems", !shape.repeats}};
    case kind::map:
      return map_schema(shape, depth);
    case kind::optional:
      return {{"anyOf", {schema_of(shape.parts.at(0), depth), {{"type", "null"}}}}};
    case kind::variant:
      return variant_schema(shape, depth);
    case kind::tuple:
      return fixed_array(shape.parts, depth);
    case kind::structure:
      return structure_schema(shape, depth);
    case kind::period:
      return ticks_schema(shape, depth, "a duration");
    case kind::instant:
      return ticks_schema(shape, depth, "the time since the Unix epoch");
    case kind::recursion:
      return {{"title", shape.name},
              {"description", "the enclosing structure of this name, again"}};
  }
  return json::object();
}

json content(std::string_view type, json body) {
  return {{std::string(type), {{"schema", std::move(body)}}}};
}

json operation_of(const std::string& name, const function_descriptor& entry) {
  const function_signature& signature = entry.signature();
  const json request = {{"type", "object"},
                        {"properties", {{"args", fixed_array(signature.parameters, 0)}}},
                        {"required", {"args"}}};
  const json answer = {{"type", "object"},
                       {"properties",
                        {{"result", schema_of(signature.result, 0)},
                         {"report", {{"$ref", "#/components/schemas/report"}}}}},
                       {"required", {"result", "report"}}};
  json made = {{"operationId", name}, {"summary", name + signature.text}};
  if (entry.options.description[0] != '\0') made["description"] = entry.options.description;
  made["requestBody"] = {{"required", true}, {"content", content(json_media_type, request)}};
  made["responses"] = {
      {"200",
       {{"description", "the function's result"}, {"content", content(json_media_type, answer)}}},
      {"default",
       {{"description", "an error; `code` is stable, see the problem's `type`"},
        {"content", content(problem_media_type, {{"$ref", "#/components/schemas/problem"}})}}}};
  return made;
}

json components() {
  const json count = {{"type", "integer"}, {"minimum", 0}};
  const json text = {{"type", "string"}};
  return {{"schemas",
           {{"report",
             {{"type", "object"},
              {"properties",
               {{"call_id", text},
                {"queue_ns", count},
                {"decode_ns", count},
                {"run_ns", count},
                {"encode_ns", count},
                {"attempts", count}}}}},
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
              {"required", {"type", "title", "status"}}}}}}};
}

}  // namespace

std::string openapi_text(const catalog& functions) {
  json paths = json::object();
  for (const auto& [name, entry] : functions)
    paths[call_path(name)] = {{"post", operation_of(name, entry)}};
  const json all = {
      {"openapi", "3.1.0"},
      {"info",
       {{"title", "functions served by modal"}, {"version", std::string(library_version())}}},
      {"paths", std::move(paths)},
      {"components", components()}};
  return all.dump(2, ' ', false, json::error_handler_t::replace) + '\n';
}

}  // namespace modal::detail
