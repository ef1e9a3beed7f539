// SPDX-License-Identifier: Apache-2.0
#include <modal/wire/signature.hpp>

#include <algorithm>
#include <utility>

namespace modal {
namespace {

std::string join_schemas(const std::vector<schema>& parts, std::string_view separator) {
  std::string text;
  for (const auto& part : parts) {
    if (!text.empty()) text += separator;
    text += to_text(part);
  }
  return text;
}

std::string fields_to_text(const schema& shape) {
  std::string text;
  for (std::size_t i = 0; i < shape.parts.size(); ++i) {
    if (i != 0) text += ", ";
    if (i < shape.labels.size() && !shape.labels[i].empty()) text += shape.labels[i] + ": ";
    text += to_text(shape.parts[i]);
  }
  return text;
}

std::string labels_to_text(const schema& shape) {
  std::string text;
  for (std::size_t i = 0; i < shape.labels.size(); ++i) {
    if (i != 0) text += ", ";
    text += shape.labels[i] + "=" + std::to_string(shape.values[i]);
  }
  return text;
}

std::string ticks_to_text(const schema& shape) {
  return to_text(shape.parts.at(0)) + ", " + std::to_string(shape.numerator) + "/" +
         std::to_string(shape.denominator);
}

std::string number_to_text(const schema& shape) {
  // Appended: GCC 12 warns of the library's own code where a literal comes first.
  return std::string(shape.is_signed ? "i" : "u").append(std::to_string(8 * shape.bytes));
}

}  // namespace

std::vector<std::string> member_names(const schema& shape) {
  const auto has_name = [](const std::string& label) { return !label.empty(); };
  if (std::none_of(shape.labels.begin(), shape.labels.end(), has_name)) return {};
  std::vector<std::string> names = shape.labels;
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i].empty()) names[i] = "value" + std::to_string(i);
  return names;
}

std::string to_text(const schema& shape) {
  switch (shape.kind) {
    case kind::nothing:
      return "void";
    case kind::boolean:
      return "bool";
    case kind::integer:
      return number_to_text(shape);
    case kind::floating:
      return "f" + std::to_string(8 * shape.bytes);
    case kind::enumeration:
      return shape.name + ":" + number_to_text(shape) +
             (shape.labels.empty() ? "" : "(" + labels_to_text(shape) + ")");
    case kind::text:
      return "str";
    case kind::blob:
      return shape.count == 0 ? "bytes" : "bytes(" + std::to_string(shape.count) + ")";
    case kind::list:
      return "[" + to_text(shape.parts.at(0)) + "]";
    case kind::array:
      return "[" + to_text(shape.parts.at(0)) + "; " + std::to_string(shape.count) + "]";
    case kind::tensor:
      return "tensor<" + to_text(shape.parts.at(0)) + ", " + std::to_string(shape.count) + ">";
    case kind::bits:
      return "bits(" + std::to_string(shape.count) + ")";
    case kind::set:
      return "{" + to_text(shape.parts.at(0)) + "}";
    case kind::map:
      return "{" + to_text(shape.parts.at(0)) + ": " + to_text(shape.parts.at(1)) + "}";
    case kind::optional:
      return to_text(shape.parts.at(0)) + "?";
    case kind::variant:
      return "<" + join_schemas(shape.parts, " | ") + ">";
    case kind::tuple:
      return "(" + join_schemas(shape.parts, ", ") + ")";
    case kind::structure:
      return shape.name + (shape.by_function ? "!" : "") + shape.layout + "{" +
             fields_to_text(shape) + "}";
    case kind::period:
      return "duration(" + ticks_to_text(shape) + ")";
    case kind::instant:
      return "instant(" + ticks_to_text(shape) + ")";
    case kind::recursion:
      return "^" + shape.name;
  }
  return "?";
}

function_signature make_signature(std::vector<schema> parameters, schema result) {
  function_signature made;
  made.text = "(";
  for (const schema& each : parameters) {
    if (made.text.size() > 1) made.text += ", ";
    if (each.is_inout) made.text += "inout ";
    made.text += to_text(each);
  }
  made.text.append(") -> ").append(to_text(result));
  made.id = id128::from_name(made.text);
  made.parameters = std::move(parameters);
  made.result = std::move(result);
  return made;
}

schema answer_of(const function_signature& signature) {
  schema all{.kind = kind::tuple};
  if (signature.result.kind != kind::nothing) all.parts.push_back(signature.result);
  const std::size_t own = all.parts.size();
  for (const schema& each : signature.parameters)
    if (each.is_inout) all.parts.push_back(each);
  return all.parts.size() == own ? signature.result : all;
}

std::string explain_difference(std::string_view expected, std::string_view received) {
  const auto [left, right] =
      std::mismatch(expected.begin(), expected.end(), received.begin(), received.end());
  const auto same_begin = static_cast<std::size_t>(left - expected.begin());
  const std::size_t shorter = std::min(expected.size(), received.size());
  std::size_t same_end = 0;
  while (same_end < shorter - same_begin &&
         expected[expected.size() - 1 - same_end] == received[received.size() - 1 - same_end])
    ++same_end;
  const auto marks = [&](std::string_view text) {
    const std::size_t length = text.size() - same_begin - same_end;
    return std::string(same_begin, ' ') + std::string(std::max<std::size_t>(length, 1), '^');
  };
  std::string out = "the signatures differ\n  executor: ";
  out.append(expected).append("\n            ").append(marks(expected));
  out.append("\n  caller:   ").append(received).append("\n            ").append(marks(received));
  return out;
}

}  // namespace modal
