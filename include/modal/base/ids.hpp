// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace modal {

/// A 128-bit identity, compared and printed as 32 lower-case hexadecimal digits. A value.
struct id128 {
  std::array<std::uint8_t, 16> bytes{};

  friend auto operator<=>(const id128&, const id128&) = default;
  // Said, although it follows from the line above: nvcc loses the one that is implied.
  friend bool operator==(const id128&, const id128&) = default;

  /// Returns whether all bits are zero, which no id that was made has.
  [[nodiscard]] bool is_nil() const noexcept { return *this == id128{}; }

  /// Returns 32 hexadecimal digits.
  [[nodiscard]] std::string to_string() const;

  /// Writes the 32 digits to `out`, without a terminating zero.
  void to_chars(char* out) const noexcept;

  /// Reads 32 hexadecimal digits of either case. Returns false, and leaves `out` alone, for any
  /// other text.
  static bool from_string(std::string_view text, id128& out) noexcept;

  /// Makes a random id (RFC 4122, version 4). Unpredictable enough to be unique, not a secret.
  /// **Thread safety**: safe; each thread has its own generator, seeded by the system.
  static id128 random();

  /// Makes the id that belongs to `text`: RFC 4122, version 5 (SHA-1), in the name space
  /// 6d6f6461-6c00-5000-8000-000000000001 of this protocol. Every implementation gets the same id.
  static id128 from_name(std::string_view text);
};

using call_id = id128;
using signature_id = id128;

}  // namespace modal
