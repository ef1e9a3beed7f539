// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

/// @file
/// Names of types and functions as the compiler spells them, cut out of `__PRETTY_FUNCTION__`. What
/// GCC, Clang and nvcc spell alike is used; the rest is refused or cut off.

namespace modal::detail {

/// Returns the first template argument in `signature`: what follows the first `=`, up to the `]` or
/// `;` that ends it. The name before it is no use: nvcc's own front end writes `int (&F)(int) = f`
/// where GCC and Clang write `F = f`.
consteval std::string_view template_argument(std::string_view signature) {
  const auto begin = signature.find(" = ") + 3;
  int depth = 0;
  auto end = begin;
  for (; end < signature.size(); ++end) {
    const char c = signature[end];
    if (c == '<' || c == '(' || c == '[' || c == '{') ++depth;
    if ((c == ';' || c == ']') && depth == 0) break;
    if (c == '>' || c == ')' || c == ']' || c == '}') --depth;
  }
  return signature.substr(begin, end - begin);
}

/// Returns the qualified name of `T` as this compiler prints it.
template <class T>
consteval std::string_view type_name() {
  return template_argument(__PRETTY_FUNCTION__);
}

/// Returns the name of `T` without name space and template arguments: inline name spaces, unnamed
/// ones and arguments are printed differently by different compilers.
template <class T>
consteval std::string_view unqualified_type_name() {
  std::string_view name = type_name<T>();
  int depth = 0;
  std::size_t begin = 0;
  std::size_t end = name.size();
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if (c == '<') {
      if (depth == 0) end = i;
      ++depth;
    } else if (c == '>') {
      --depth;
    } else if (c == ':' && depth == 0 && i + 1 < name.size()) {
      begin = i + 1;
      end = name.size();
    }
  }
  return name.substr(begin, end - begin);
}

/// Returns the qualified name of the function or object that `F` refers to.
template <auto& F>
consteval std::string_view function_name() {
  return template_argument(__PRETTY_FUNCTION__);
}

/// Returns whether every supported compiler prints `name` the same: no closure, no unnamed name
/// space, no template argument.
consteval bool is_portable_name(std::string_view name) {
  return !name.empty() && name.find_first_of("<({ ") == std::string_view::npos;
}

/// Returns whether a function is written without template arguments: Clang leaves them out of the
/// name that it prints, so that only the source tells.
consteval bool is_no_template(std::string_view source) {
  return source.find('<') == std::string_view::npos;
}

}  // namespace modal::detail
