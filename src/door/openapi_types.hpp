// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/wire/schema.hpp>

#include <nlohmann/json.hpp>

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace modal::detail {

/// Describes types as JSON Schema 2020-12, as `json_input_archive` reads them. Structures and
/// enumerations with names become components that others refer to, so that a structure may contain
/// itself.
class openapi_types {
 public:
  using json = nlohmann::ordered_json;

  /// @param reserved names of components that are not types of users.
  explicit openapi_types(std::set<std::string> reserved) : taken_(std::move(reserved)) {}

  json describe(const schema& shape);
  /// An array of exactly these, in their order, with titles where there are `names`.
  json describe_all(const std::vector<schema>& parts, const std::vector<std::string>& names = {});

  /// Returns the schemas of all components that were met.
  [[nodiscard]] const json& components() const noexcept { return components_; }

 private:
  json component(const schema& shape);
  json object_of(const schema& shape, const std::vector<std::string>& names);
  json structure(const schema& shape);
  json tensor(const schema& shape);
  json map(const schema& shape);
  json variant(const schema& shape);
  json ticks(const schema& shape, std::string_view what);
  std::string key_of(const schema& shape) const;
  std::string new_name(std::string_view wanted);

  json components_ = json::object();
  std::set<std::string> taken_;
  std::map<std::string, std::string> known_;  // what tells a type: the name of its component
  std::vector<std::pair<std::string, std::string>> open_;  // enclosing structures: name, component
};

/// Returns `name` with what may not stand in a URL, or in the name of a component, as `_`.
std::string plain_name(std::string_view name);

}  // namespace modal::detail
