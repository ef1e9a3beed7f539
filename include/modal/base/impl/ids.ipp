// SPDX-License-Identifier: Apache-2.0
#include <modal/base/ids.hpp>

#include <boost/uuid/name_generator_sha1.hpp>
#include <boost/uuid/random_generator.hpp>
#include <boost/uuid/uuid.hpp>

#include <algorithm>
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

int digit_value(char digit) noexcept {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

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
  for (std::size_t i = 0; i < 16; ++i) {
    const int high = digit_value(text[2 * i]);
    const int low = digit_value(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    parsed.bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  out = parsed;
  return true;
}

id128 id128::random() {
  // A generator that asks the system each time would cost a system call per call.
  thread_local boost::uuids::random_generator_mt19937 generate;
  return from_uuid(generate());
}

id128 id128::from_name(std::string_view text) {
  boost::uuids::name_generator_sha1 generate(name_space);
  return from_uuid(generate(text.data(), text.size()));
}

}  // namespace modal
