// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/bytes.hpp>
#include <modal/base/limits.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace modal {

/// Writes one JSON value as text, part by part. Numbers are exact: integers in full, floating point
/// as the shortest text that reads back as the same bits; NaN and infinities, which JSON lacks, are
/// the strings "NaN", "Infinity" and "-Infinity". Bytes are base64 (RFC 4648 section 4).
/// **Errors**: throws `call_error` with `malformed_payload` for text that is not UTF-8.
class json_writer {
 public:
  explicit json_writer(std::string& out) noexcept : out_(out) {}

  void null();
  void boolean(bool value);
  void integer(std::int64_t value);
  void natural(std::uint64_t value);
  void number(float value);
  void number(double value);
  void text(std::string_view value);
  void blob(bytes_view value);

  void begin_array();
  void end_array();
  void begin_object();
  void end_object();
  /// Names the next value, inside an object.
  void key(std::string_view name);

 private:
  void separate();

  std::string& out_;
  bool needs_comma_ = false;
};

/// A JSON text that was received and parsed, within bounds.
class json_document {
 public:
  /// **Errors**: throws `call_error` with `malformed_payload` for text that is not JSON (invalid
  /// UTF-8 included, with the place), `too_large` for nesting deeper than `bounds.depth`.
  json_document(std::string_view text, const decode_limits& bounds);
  json_document(json_document&&) noexcept;
  ~json_document();

 private:
  friend class json_view;
  struct impl;
  std::unique_ptr<impl> impl_;
};

/// One value inside a `json_document`, with the path to it for error messages. Each `to_` throws
/// `call_error` with `malformed_payload`, naming the path, where the value is of another type or
/// out of range. **Lifetime**: of the document, and of the parent view.
class json_view {
 public:
  explicit json_view(const json_document& document);

  [[nodiscard]] bool is_null() const noexcept;
  [[nodiscard]] bool is_object() const noexcept;
  [[nodiscard]] bool is_text() const noexcept;
  [[nodiscard]] bool to_boolean() const;
  [[nodiscard]] std::int64_t to_integer(std::int64_t least, std::int64_t most) const;
  [[nodiscard]] std::uint64_t to_natural(std::uint64_t most) const;
  [[nodiscard]] double to_number() const;
  [[nodiscard]] std::string_view to_text() const;
  [[nodiscard]] std::string to_blob() const;

  /// Returns the number of elements of an array or members of an object.
  [[nodiscard]] std::size_t size() const;
  /// Returns element `index` of an array. **Errors**: as `to_…`, also for an index past the end.
  [[nodiscard]] json_view element(std::size_t index) const;
  /// Returns the member of this name. **Errors**: as `to_…`, also where it is missing.
  [[nodiscard]] json_view member(std::string_view name) const;
  /// Calls `visit` with the name and the value of each member of an object, in the order of names.
  void each_member(const std::function<void(std::string_view, const json_view&)>& visit) const;

  /// **Errors**: throws unless this is an array of `size` elements.
  void expect_array(std::size_t size) const;
  [[noreturn]] void fail(std::string_view why) const;

 private:
  json_view(const void* node, const json_view* parent, std::string_view name, std::size_t index)
      : node_(node), parent_(parent), name_(name), index_(index) {}
  [[nodiscard]] std::string path() const;

  const void* node_;
  const json_view* parent_ = nullptr;
  std::string_view name_;
  std::size_t index_ = 0;
};

}  // namespace modal
