// SPDX-License-Identifier: Apache-2.0
#include "door/openapi_types.hpp"

#include <algorithm>

namespace modal::detail {
namespace {

using json = openapi_types::json;

json integer(std::uint8_t bytes, bool is_signed) {
  json made = {{"type", "integer"}};
  if (bytes == 0 || bytes > 8) return made;
  const unsigned bits = 8U * bytes - (is_signed ? 1U : 0U);
  const std::uint64_t most = bits == 64 ? UINT64_MAX : (std::uint64_t{1} << bits) - 1;
  made["minimum"] = is_signed ? json(-static_cast<std::int64_t>(most) - 1) : json(0);
  made["maximum"] = most;
  return made;
}

json number(std::uint8_t bytes) {
  const json text = {{"type", "string"}, {"enum", {"NaN", "Infinity", "-Infinity"}}};
  return {{"anyOf", {{{"type", "number"}, {"format", bytes == 4 ? "float" : "double"}}, text}}};
}

json enumeration(const schema& shape) {
  if (shape.labels.empty()) return integer(shape.bytes, shape.is_signed);
  return {{"anyOf",
           {{{"type", "string"}, {"enum", shape.labels}},
            {{"type", "integer"}, {"enum", shape.values}}}}};
}

json reference(const std::string& component) {
  return {{"$ref", "#/components/schemas/" + component}};
}

}  // namespace

std::string plain_name(std::string_view name) {
  std::string plain;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
    if (c == ':' && i + 1 < name.size() && name[i + 1] == ':') {
      plain += '.';
      ++i;
    } else {
      plain += is_letter ? c : '_';
    }
  }
  return plain;
}

json openapi_types::describe(const schema& shape) {
  switch (shape.kind) {
    case kind::nothing:
      return {{"type", "null"}};
    case kind::boolean:
      return {{"type", "boolean"}};
    case kind::integer:
      return integer(shape.bytes, shape.is_signed);
    case kind::floating:
      return number(shape.bytes);
    case kind::text:
      return {{"type", "string"}};
    case kind::blob:
      return {{"type", "string"}, {"contentEncoding", "base64"}};
    case kind::bits:
      return {{"type", "string"}, {"pattern", "^[01]{" + std::to_string(shape.count) + "}$"}};
    case kind::list:
      return {{"type", "array"}, {"items", describe(shape.parts.at(0))}};
    case kind::array:
      return {{"type", "array"},
              {"items", describe(shape.parts.at(0))},
              {"minItems", shape.count},
              {"maxItems", shape.count}};
    case kind::tensor:
      return tensor(shape);
    case kind::set:
      return {{"type", "array"},
              {"items", describe(shape.parts.at(0))},
              {"uniqueItems", !shape.repeats}};
    case kind::map:
      return map(shape);
    case kind::optional:
      return {{"anyOf", {describe(shape.parts.at(0)), {{"type", "null"}}}}};
    case kind::variant:
      return variant(shape);
    case kind::tuple:
      return describe_all(shape.parts);
    case kind::enumeration:
    case kind::structure:
      return component(shape);
    case kind::period:
      return ticks(shape, "a duration");
    case kind::instant:
      return ticks(shape, "the time since the Unix epoch");
    case kind::recursion:
      for (auto outer = open_.rbegin(); outer != open_.rend(); ++outer)
        if (outer->first == shape.name) return reference(outer->second);
  }
  return json::object();
}

json openapi_types::describe_all(const std::vector<schema>& parts,
                                 const std::vector<std::string>& names) {
  json items = json::array();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    items.push_back(describe(parts[i]));
    if (i < names.size()) items.back()["title"] = names[i];
  }
  json made = {{"type", "array"}, {"minItems", parts.size()}, {"maxItems", parts.size()}};
  if (!parts.empty()) made["prefixItems"] = std::move(items);
  return made;
}

json openapi_types::component(const schema& shape) {
  const std::string key = key_of(shape);
  if (const auto known = known_.find(key); known != known_.end()) return reference(known->second);
  const std::string name = new_name(shape.name);
  known_.emplace(key, name);
  open_.emplace_back(shape.name, name);
  json body = shape.kind == kind::enumeration ? enumeration(shape) : structure(shape);
  open_.pop_back();
  components_[name] = std::move(body);
  return reference(name);
}

// The text tells a type, but for what encloses it: `^name` is another type elsewhere. And it does
// not tell a multiset from a set.
std::string openapi_types::key_of(const schema& shape) const {
  std::string key = to_text(shape);
  const auto add_repeats = [&key](const auto& self, const schema& each) -> void {
    if (each.repeats) key += '*';
    for (const schema& part : each.parts) self(self, part);
    key += ',';
  };
  add_repeats(add_repeats, shape);
  for (const auto& [name, component] : open_)
    if (key.find('^' + name) != std::string::npos) key += '|' + component;
  return key;
}

std::string openapi_types::new_name(std::string_view wanted) {
  const std::string plain = wanted.empty() ? "structure" : plain_name(wanted);
  std::string name = plain;
  for (int i = 2; !taken_.insert(name).second; ++i) name = plain + "_" + std::to_string(i);
  return name;
}

json openapi_types::object_of(const schema& shape, const std::vector<std::string>& names) {
  json members = json::object();
  json required = json::array();
  for (std::size_t i = 0; i < shape.parts.size(); ++i) {
    members[names[i]] = describe(shape.parts[i]);
    if (shape.parts[i].kind != kind::optional) required.push_back(names[i]);
  }
  return {{"type", "object"},
          {"properties", std::move(members)},
          {"required", std::move(required)},
          {"additionalProperties", false}};
}

// A structure of which no field has a name is an array, and one whose fields are known without a
// function may be one.
json openapi_types::structure(const schema& shape) {
  const auto names = member_names(shape);
  if (names.empty()) return describe_all(shape.parts);
  if (shape.by_function) return object_of(shape, names);
  return {{"anyOf", {object_of(shape, names), describe_all(shape.parts)}}};
}

json openapi_types::tensor(const schema& shape) {
  const json extents = {{"type", "array"},
                        {"items", {{"type", "integer"}, {"minimum", 0}}},
                        {"minItems", shape.count},
                        {"maxItems", shape.count}};
  const bool is_blob = to_text(shape.parts.at(0)) == "u8";
  return {{"type", "object"},
          {"properties",
           {{"shape", extents},
            {"data", describe(is_blob ? schema{.kind = kind::blob}
                                      : schema{.kind = kind::list, .parts = shape.parts})}}},
          {"required", {"shape", "data"}},
          {"additionalProperties", false}};
}

json openapi_types::map(const schema& shape) {
  if (shape.parts.at(0).kind == kind::text && !shape.repeats)
    return {{"type", "object"}, {"additionalProperties", describe(shape.parts.at(1))}};
  return {{"type", "array"}, {"items", describe_all(shape.parts)}};
}

json openapi_types::variant(const schema& shape) {
  json choices = json::array();
  for (std::size_t i = 0; i < shape.parts.size(); ++i)
    choices.push_back(
        {{"type", "object"},
         {"properties", {{"index", {{"const", i}}}, {"value", describe(shape.parts[i])}}},
         {"required", {"index", "value"}},
         {"additionalProperties", false}});
  return {{"oneOf", std::move(choices)}};
}

json openapi_types::ticks(const schema& shape, std::string_view what) {
  json made = describe(shape.parts.at(0));
  made["description"] = std::string(what) + ", counted in units of " +
                        std::to_string(shape.numerator) + "/" + std::to_string(shape.denominator) +
                        " seconds";
  return made;
}

}  // namespace modal::detail
