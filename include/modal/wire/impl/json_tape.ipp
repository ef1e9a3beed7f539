// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <modal/base/error.hpp>
#include <modal/wire/json_value.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <vector>

/// @file
/// A parsed JSON text as a tape: nodes of 64-bit words one after the other, in the order of the
/// text. The first word of a node is its kind in the low 4 bits, and a payload above:
///
///     kind                             payload     words that follow
///     null
///     boolean                          0 or 1
///     natural, integer (negative)      the number
///     large_natural, large_integer                 1: the number, of more than 60 bits
///     number                                       1: the bits of a double
///     text                             bytes       the bytes, filled up to a whole word
///     array, object                    elements or members in the upper half, words of the
///                                      whole node in the lower
///                                                  the elements; texts and values by turns, then
///                                                  of more than `indexed_from` members where
///                                                  their names are, in the order of names
///
/// A node takes at most 5.4 times the bytes of its text.

namespace modal::detail {

enum class json_kind : std::uint8_t {
  null,
  boolean,
  natural,
  integer,
  large_natural,
  large_integer,
  number,
  text,
  array,
  object,
};

/// Words that grow by `realloc`: it moves a large block by changing page tables, so that there are
/// never two copies of it.
class word_buffer {
 public:
  word_buffer() = default;
  word_buffer(word_buffer&&) = delete;
  ~word_buffer() { std::free(words_); }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::uint64_t& operator[](std::size_t at) noexcept { return words_[at]; }
  [[nodiscard]] const std::uint64_t& operator[](std::size_t at) const noexcept {
    return words_[at];
  }
  [[nodiscard]] std::uint64_t* begin() noexcept { return words_; }

  void push(std::uint64_t word) { *extend(1) = word; }
  std::uint64_t* extend(std::size_t count) {
    if (count > capacity_ - size_) grow(count);
    size_ += count;
    return words_ + (size_ - count);
  }
  void shrink(std::size_t size) noexcept { size_ = size; }

 private:
  void grow(std::size_t count) {
    const std::size_t wanted =
        std::max({size_ + count, capacity_ + capacity_ / 2, std::size_t{64}});
    void* moved = std::realloc(words_, wanted * sizeof(std::uint64_t));
    if (moved == nullptr) throw std::bad_alloc();
    words_ = static_cast<std::uint64_t*>(moved);
    capacity_ = wanted;
  }

  std::uint64_t* words_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

class json_tape {
 public:
  /// Objects of more members have an index: looking through fewer is as fast.
  static constexpr std::size_t indexed_from = 16;
  static constexpr unsigned kind_bits = 4;
  static constexpr unsigned half_bits = 30;
  static constexpr std::uint64_t most_half = (std::uint64_t{1} << half_bits) - 1;

  [[nodiscard]] json_kind kind(std::size_t at) const noexcept {
    return static_cast<json_kind>(words[at] & 15U);
  }
  [[nodiscard]] std::uint64_t payload(std::size_t at) const noexcept {
    return words[at] >> kind_bits;
  }
  [[nodiscard]] std::string_view text(std::size_t at) const noexcept {
    return {reinterpret_cast<const char*>(&words[at] + 1), static_cast<std::size_t>(payload(at))};
  }

  /// Returns where the node after the one at `at` begins.
  [[nodiscard]] std::size_t next(std::size_t at) const noexcept {
    switch (kind(at)) {
      case json_kind::large_natural:
      case json_kind::large_integer:
      case json_kind::number:
        return at + 2;
      case json_kind::text:
        return at + 1 + words_of(static_cast<std::size_t>(payload(at)));
      case json_kind::array:
      case json_kind::object:
        return at + static_cast<std::size_t>(payload(at) & most_half);
      default:
        return at + 1;
    }
  }

  /// Returns the number of elements or members.
  [[nodiscard]] std::size_t count(std::size_t at) const noexcept {
    return static_cast<std::size_t>(payload(at) >> half_bits);
  }

  /// Returns where the index of an object of `count` members begins.
  [[nodiscard]] std::size_t index(std::size_t at, std::size_t count) const noexcept {
    return next(at) - count;
  }

  static constexpr std::size_t words_of(std::size_t bytes) noexcept { return (bytes + 7) / 8; }

  word_buffer words;
};

/// Takes the events of nlohmann's parser and writes the tape, within the budget.
class json_tape_builder {
 public:
  json_tape_builder(json_tape& tape, decode_budget& budget) : tape_(tape), budget_(budget) {}

  bool null() { return value(json_kind::null, 0); }
  bool boolean(bool is_true) { return value(json_kind::boolean, is_true ? 1 : 0); }
  bool number_unsigned(std::uint64_t number) {
    if (number >> (64 - json_tape::kind_bits) == 0) return value(json_kind::natural, number);
    return wide_value(json_kind::large_natural, number);
  }
  bool number_integer(std::int64_t number) {
    constexpr std::int64_t least = std::int64_t{-1} << (63 - json_tape::kind_bits);
    const auto bits = static_cast<std::uint64_t>(number);
    // The payload is read back with its sign.
    if (number >= least)
      return value(json_kind::integer, bits << json_tape::kind_bits >> json_tape::kind_bits);
    return wide_value(json_kind::large_integer, bits);
  }
  bool number_float(double number, const std::string&) {
    return wide_value(json_kind::number, std::bit_cast<std::uint64_t>(number));
  }
  bool string(const std::string& text) {
    begin_value();
    add_text(text);
    return true;
  }
  template <class Binary>
  bool binary(const Binary&) {
    return false;  // not in text
  }

  bool start_array(std::size_t) { return open(json_kind::array); }
  bool start_object(std::size_t) { return open(json_kind::object); }
  bool key(const std::string& name) {
    budget_.step();
    names_.push(tape_.words.size());
    add_text(name);
    return true;
  }
  bool end_array() {
    close(open_.back());
    return true;
  }
  bool end_object() {
    budget_.step();
    const auto& ended = open_.back();
    if (ended.count <= json_tape::indexed_from)
      compare_names(ended);
    else
      index_names(ended);
    names_.shrink(ended.first_name);
    close(ended);
    return true;
  }

  template <class Exception>
  bool parse_error(std::size_t, const std::string&, const Exception& failure) {
    std::string why = failure.what();
    // A number beyond double; the parser knows no place.
    if (failure.id == 406) why = path(open_.size()) + ": the number is out of range: " + why;
    throw_error({errc::malformed_payload, std::move(why)});
  }

 private:
  struct container {
    std::size_t at;
    std::size_t count;
    std::size_t first_name;
  };

  std::uint64_t* add(std::size_t words) {
    budget_.allocate(words * sizeof(std::uint64_t));
    return tape_.words.extend(words);
  }
  static std::uint64_t head(json_kind kind, std::uint64_t payload) noexcept {
    return payload << json_tape::kind_bits | static_cast<std::uint64_t>(kind);
  }
  void begin_value() {
    budget_.step();
    if (!open_.empty()) budget_.elements(++open_.back().count);
  }
  bool value(json_kind kind, std::uint64_t payload) {
    begin_value();
    *add(1) = head(kind, payload);
    return true;
  }
  bool wide_value(json_kind kind, std::uint64_t bits) {
    begin_value();
    auto* words = add(2);
    words[0] = head(kind, 0);
    words[1] = bits;
    return true;
  }
  void add_text(const std::string& text) {
    const std::size_t size = json_tape::words_of(text.size());
    auto* words = add(1 + size);
    *words = head(json_kind::text, text.size());
    if (size == 0) return;
    words[size] = 0;
    std::memcpy(words + 1, text.data(), text.size());
  }

  bool open(json_kind kind) {
    begin_value();
    // The limit is of user values, which the request's own object and array enclose.
    if (open_.size() >= budget_.bounds().depth + 2)
      throw_error({errc::too_large, "JSON nested deeper than decode_limits.depth"});
    open_.push_back({tape_.words.size(), 0, names_.size()});
    *add(1) = head(kind, 0);
    return true;
  }
  void close(const container& ended) {
    const std::uint64_t words = tape_.words.size() - ended.at;
    if (words > json_tape::most_half || ended.count > json_tape::most_half)
      throw_error({errc::too_large, "an array or object of 2^30 values or more"});
    const std::uint64_t payload = std::uint64_t{ended.count} << json_tape::half_bits | words;
    tape_.words[ended.at] |= payload << json_tape::kind_bits;
    open_.pop_back();
  }

  [[nodiscard]] std::string_view name(std::size_t index) const {
    return tape_.text(static_cast<std::size_t>(names_[index]));
  }
  void compare_names(const container& ended) const {
    for (std::size_t i = ended.first_name; i < names_.size(); ++i)
      for (std::size_t j = ended.first_name; j < i; ++j)
        if (name(i) == name(j)) fail_twice(name(i));
  }
  void index_names(const container& ended) {
    const auto text_at = [this](std::uint64_t at) {
      return tape_.text(static_cast<std::size_t>(at));
    };
    auto* first = names_.begin() + ended.first_name;
    auto* last = names_.begin() + names_.size();
    std::sort(first, last, [&](std::uint64_t a, std::uint64_t b) {
      budget_.step();
      return text_at(a) < text_at(b);
    });
    for (auto* each = first + 1; each != last; ++each)
      if (text_at(each[-1]) == text_at(*each)) fail_twice(text_at(*each));
    std::copy(first, last, add(ended.count));
  }
  [[noreturn]] void fail_twice(std::string_view twice) const {
    throw_error({errc::malformed_payload, path(open_.size() - 1) + ": the member \"" +
                                              std::string(twice) + "\" comes twice"});
  }

  // The place of what is being read, inside the `depth` outermost containers. The innermost has not
  // counted it yet.
  [[nodiscard]] std::string path(std::size_t depth) const {
    std::string text = "$";
    for (std::size_t i = 0; i < depth; ++i) {
      const bool is_last = i + 1 == open_.size();
      if (tape_.kind(open_[i].at) == json_kind::object) {
        const std::size_t names = is_last ? names_.size() : open_[i + 1].first_name;
        text.append(".").append(name(names - 1));
      } else {
        text += "[" + std::to_string(open_[i].count - (is_last ? 0 : 1)) + "]";
      }
    }
    return text;
  }

  json_tape& tape_;
  decode_budget& budget_;
  std::vector<container> open_;
  word_buffer names_;  // where the names of the members of open objects are
};

}  // namespace modal::detail
