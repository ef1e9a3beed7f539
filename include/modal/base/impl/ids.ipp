// SPDX-License-Identifier: Apache-2.0
#include <modal/base/fork.hpp>
#include <modal/base/ids.hpp>

#include <boost/uuid/name_generator_sha1.hpp>
#include <boost/uuid/random_generator.hpp>
#include <boost/uuid/uuid.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <random>

namespace modal {
namespace {

constexpr boost::uuids::uuid name_space{
    {0x6d, 0x6f, 0x64, 0x61, 0x6c, 0x00, 0x50, 0x00, 0x80, 0, 0, 0, 0, 0, 0, 0x01}};

id128 from_uuid(const boost::uuids::uuid& value) {
  id128 id;
  std::copy(value.begin(), value.end(), id.bytes.begin());
  return id;
}

// The value of each hexadecimal digit, and -1 of all else. A table, because no processor can guess
// whether the next digit of an id is a letter.
constexpr auto digit_values = [] {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (int i = 0; i < 10; ++i)
    values[static_cast<std::size_t>('0' + i)] = static_cast<std::int8_t>(i);
  for (int i = 0; i < 6; ++i) {
    values[static_cast<std::size_t>('a' + i)] = static_cast<std::int8_t>(10 + i);
    values[static_cast<std::size_t>('A' + i)] = static_cast<std::int8_t>(10 + i);
  }
  return values;
}();

int digit_value(char digit) noexcept { return digit_values[static_cast<unsigned char>(digit)]; }

}  // namespace

void id128::to_chars(char* out) const noexcept {
  constexpr char digits[] = "0123456789abcdef";
  for (const auto byte : bytes) {
    *out++ = digits[byte >> 4];
    *out++ = digits[byte & 15];
  }
}

std::string id128::to_string() const {
  std::string text(32, '0');
  to_chars(text.data());
  return text;
}

bool id128::from_string(std::string_view text, id128& out) noexcept {
  if (text.size() != 32) return false;
  id128 parsed;
  int wrong = 0;
  for (std::size_t i = 0; i < 16; ++i) {
    const int high = digit_value(text[2 * i]);
    const int low = digit_value(text[2 * i + 1]);
    wrong |= high | low;
    parsed.bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  if (wrong < 0) return false;
  out = parsed;
  return true;
}

id128 id128::random() {
  // A generator that asks the system each time would cost a system call per call.
  struct source {
    boost::uuids::random_generator_mt19937 generate;
    unsigned born_in = detail::fork_count();
  };
  thread_local std::optional<source> mine;
  if (!mine || mine->born_in != detail::fork_count())
    mine.emplace();  // not what a parent will draw
  return from_uuid(mine->generate());
}

id128 id128::from_name(std::string_view text) {
  boost::uuids::name_generator_sha1 generate(name_space);
  return from_uuid(generate(text.data(), text.size()));
}

}  // namespace modal
