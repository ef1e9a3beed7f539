// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/bytes.hpp>
#include <modal/base/error.hpp>
#include <modal/base/limits.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

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
  /// As `text`, but what is not UTF-8 is replaced, not refused.
  void any_text(std::string_view value);
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

/// Asked every few thousand steps of a decoding whether to go on; ends it by throwing.
using decode_check = std::function<void()>;

/// What the decoding of one body may still cost. Decoders pay before they take memory.
/// **Errors**: `too_large` (thrown) one past any limit. One thread at a time.
class decode_budget {
 public:
  /// How many steps may pass between two questions to the check.
  static constexpr std::size_t steps_between_checks = 4096;

  /// @param received  bytes of the body, of which `allocation_factor` allows a multiple
  decode_budget(const decode_limits& bounds, std::size_t received, decode_check check = {})
      : bounds_(bounds), check_(std::move(check)) {
    const std::size_t factor = bounds.allocation_factor;
    const bool overflows = factor != 0 && received > (SIZE_MAX - bounds.allocation_base) / factor;
    bytes_ = overflows ? SIZE_MAX : received * factor + bounds.allocation_base;
  }

  [[nodiscard]] const decode_limits& bounds() const noexcept { return bounds_; }

  /// Pays for memory.
  void allocate(std::size_t bytes) {
    if (bytes > bytes_) fail("decoding would allocate more than decode_limits allows");
    bytes_ -= bytes;
  }

  /// Checks the number of elements of one container.
  void elements(std::size_t count) const {
    if (count > bounds_.elements) fail("more elements than decode_limits.elements");
  }

  /// Pays for one container of `count` elements, each of `element_size` bytes in memory.
  void container(std::size_t count, std::size_t element_size) {
    elements(count);
    if (++containers_ > bounds_.containers) fail("more containers than decode_limits allows");
    allocate(element_size != 0 && count > SIZE_MAX / element_size ? SIZE_MAX
                                                                  : count * element_size);
  }

  /// Counts a piece of work of about constant size: a token read, a node visited.
  void step() {
    if (++steps_ >= next_check_) ask();
  }

  /// Returns how many steps were made.
  [[nodiscard]] std::size_t steps() const noexcept { return steps_; }

 private:
  void ask() {
    next_check_ = steps_ + steps_between_checks;
    if (check_) check_();
  }
  [[noreturn]] static void fail(const char* why) { throw_error({errc::too_large, why}); }

  decode_limits bounds_;
  decode_check check_;
  std::size_t bytes_ = 0;
  std::size_t containers_ = 0;
  std::size_t steps_ = 0;
  std::size_t next_check_ = steps_between_checks;
};

/// A JSON text that was received and parsed, within bounds: it takes at most 5.4 times the bytes of
/// the text, and time in proportion to them. **Thread safety**: one thread for the document and all
/// of its views, as they share a budget.
class json_document {
 public:
  /// @param check  asked while the text is parsed, and while values are read through views
  /// **Errors**: throws `call_error` with `malformed_payload` for text that is not JSON (invalid
  /// UTF-8 included, with the place) and for a member that comes twice, `too_large` for nesting
  /// deeper than `bounds.depth` and past the other bounds; whatever `check` throws.
  json_document(std::string_view text, const decode_limits& bounds, decode_check check = {});
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
  [[nodiscard]] bool is_array() const noexcept;
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
  /// Returns element `index` of an array. The view remembers the place: asking for one element
  /// after the other costs a step for each, going back costs a walk from the first.
  /// **Errors**: as `to_…`, also for an index past the end.
  [[nodiscard]] json_view element(std::size_t index) const;
  /// Returns the member of this name, in about log(n) steps, in the order of the text in one.
  /// **Errors**: as `to_…`, also where it is missing.
  [[nodiscard]] json_view member(std::string_view name) const;
  /// Returns the member of this name, or nothing. **Errors**: as `to_…`.
  [[nodiscard]] std::optional<json_view> find_member(std::string_view name) const;
  /// Calls `visit` with the name and the value of each member of an object, in the order of names.
  /// **Errors**: as `to_…`.
  void each_member(const std::function<void(std::string_view, const json_view&)>& visit) const;

  /// **Errors**: throws unless this is an array of `size` elements.
  void expect_array(std::size_t size) const;
  [[noreturn]] void fail(std::string_view why) const;

  /// Returns what is left for decoding the document.
  [[nodiscard]] decode_budget& budget() const noexcept;

 private:
  json_view(json_document::impl* document, std::size_t node, const json_view* parent,
            std::string_view name, std::size_t index)
      : document_(document), node_(node), parent_(parent), name_(name), index_(index) {}
  [[nodiscard]] std::string path() const;
  void rewind() const noexcept;

  json_document::impl* document_;
  std::size_t node_ = 0;  // where the value begins on the document's tape
  const json_view* parent_ = nullptr;
  std::string_view name_;
  std::size_t index_ = 0;
  // The element or member that is found in one step, and its number; 0 before the first look-up.
  mutable std::size_t cursor_ = 0;
  mutable std::size_t cursor_index_ = 0;
};

}  // namespace modal
