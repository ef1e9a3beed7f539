// SPDX-License-Identifier: Apache-2.0
#include <modal/wire/payload.hpp>

#include <algorithm>
#include <cstring>
#include <ostream>
#include <utility>

namespace modal {
namespace {

template <class T>
T load_integer(const std::byte* from) noexcept {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <class T>
std::byte* store_integer(std::byte* to, T value) noexcept {
  std::memcpy(to, &value, sizeof value);
  return to + sizeof value;
}

std::byte* store_head(std::byte* to, std::size_t segment_count,
                      std::size_t envelope_size) noexcept {
  to = store_integer(to, payload_magic);
  to = store_integer(to, static_cast<std::uint32_t>(segment_count));
  return store_integer(to, static_cast<std::uint64_t>(envelope_size));
}

constexpr std::array<std::byte, segment_alignment> zeros{};

constexpr std::size_t padding_to(std::size_t offset, std::size_t alignment) noexcept {
  return align_up(offset, alignment) - offset;
}

void append_preview(std::string& text, bytes_view bytes) {
  constexpr char digits[] = "0123456789abcdef";
  constexpr std::size_t shown = 64;
  for (const auto byte : bytes.first(std::min(bytes.size(), shown))) {
    text += ' ';
    text += digits[std::to_integer<unsigned>(byte) >> 4];
    text += digits[std::to_integer<unsigned>(byte) & 15];
  }
  if (bytes.size() > shown) text += " …";
  text += '\n';
}

}  // namespace

payload::payload() noexcept { data_ = inline_.data(); }

payload::payload(payload&& other) noexcept : payload() { *this = std::move(other); }

payload& payload::operator=(payload&& other) noexcept {
  if (this == &other) return *this;
  release();
  if (other.data_ == other.inline_.data()) {
    std::memcpy(inline_.data(), other.inline_.data(), other.used_);
  } else {
    data_ = std::exchange(other.data_, other.inline_.data());
    capacity_ = std::exchange(other.capacity_, inline_bytes);
  }
  used_ = std::exchange(other.used_, payload_head_bytes);
  segments_ = std::move(other.segments_);
  segment_head_ = std::move(other.segment_head_);
  owners_ = std::move(other.owners_);
  other.clear();
  return *this;
}

payload::~payload() { release(); }

void payload::release() noexcept {
  if (data_ == inline_.data()) return;
  ::operator delete(data_);
  data_ = inline_.data();
  capacity_ = inline_bytes;
}

void payload::clear() noexcept {
  used_ = payload_head_bytes;
  segments_.clear();
  owners_.clear();
}

void payload::grow(std::size_t size) {
  const std::size_t capacity = std::max(used_ + size, capacity_ * 2);
  auto* grown = static_cast<std::byte*>(::operator new(capacity));
  std::memcpy(grown, data_, used_);
  release();
  data_ = grown;
  capacity_ = capacity;
}

std::size_t payload::wire_size() const noexcept {
  std::size_t size = align_up(payload_head_bytes + 8 * segments_.size(), envelope_alignment);
  size += envelope_size();
  for (const auto segment : segments_) size = align_up(size, segment_alignment) + segment.size();
  return size;
}

void payload::gather(std::vector<bytes_view>& parts) {
  if (segments_.empty()) {
    store_head(data_, 0, envelope_size());
    parts.emplace_back(data_, used_);
    return;
  }
  segment_head_.assign(align_up(payload_head_bytes + 8 * segments_.size(), envelope_alignment),
                       std::byte{0});
  auto* out = store_head(segment_head_.data(), segments_.size(), envelope_size());
  for (const auto segment : segments_)
    out = store_integer(out, static_cast<std::uint64_t>(segment.size()));
  parts.emplace_back(segment_head_);
  parts.push_back(envelope());
  std::size_t offset = segment_head_.size() + envelope_size();
  for (const auto segment : segments_) {
    if (const auto gap = padding_to(offset, segment_alignment); gap != 0)
      parts.emplace_back(zeros.data(), gap);
    parts.push_back(segment);
    offset = align_up(offset, segment_alignment) + segment.size();
  }
}

std::vector<std::byte> payload::to_bytes() {
  std::vector<bytes_view> parts;
  gather(parts);
  std::vector<std::byte> bytes;
  bytes.reserve(wire_size());
  for (const auto part : parts) bytes.insert(bytes.end(), part.begin(), part.end());
  return bytes;
}

result<payload_view> payload_view::parse(bytes_view body, const decode_limits& bounds) {
  const auto refuse = [](const char* why) { return error(errc::malformed_payload, why); };
  if (body.size() < payload_head_bytes) return refuse("shorter than a payload's head");
  if (load_integer<std::uint32_t>(body.data()) != payload_magic)
    return refuse("does not start with the payload's magic number");
  const std::size_t count = load_integer<std::uint32_t>(body.data() + 4);
  if (count > bounds.segments)
    return error(errc::too_large, "more segments than decode_limits::segments allows");
  const std::size_t start = align_up(payload_head_bytes + 8 * count, envelope_alignment);
  if (body.size() < start) return refuse("shorter than its table of segments");
  const auto envelope_bytes = load_integer<std::uint64_t>(body.data() + 8);
  if (envelope_bytes > body.size() - start) return refuse("shorter than its envelope");

  payload_view view;
  view.body_ = body;
  view.envelope_ = body.subspan(start, envelope_bytes);
  view.segment_count_ = count;
  std::size_t offset = start + envelope_bytes;
  for (std::size_t i = 0; i < count; ++i) {
    offset = align_up(offset, segment_alignment);
    const auto size = load_integer<std::uint64_t>(body.data() + payload_head_bytes + 8 * i);
    if (offset > body.size() || size > body.size() - offset)
      return refuse("shorter than its segments");
    offset += size;
  }
  if (offset != body.size()) return refuse("bytes follow the last segment");
  return view;
}

std::size_t payload_view::segment_size(std::size_t index) const noexcept {
  return load_integer<std::uint64_t>(body_.data() + payload_head_bytes + 8 * index);
}

bytes_view payload_view::next_segment(cursor& position) const noexcept {
  if (position.index == 0)
    position.offset = static_cast<std::size_t>(envelope_.data() - body_.data()) + envelope_.size();
  const auto start = align_up(position.offset, segment_alignment);
  const auto size = segment_size(position.index++);
  position.offset = start + size;
  return body_.subspan(start, size);
}

bytes_view payload_view::segment(std::size_t index) const noexcept {
  cursor position;
  bytes_view found;
  for (std::size_t i = 0; i <= index; ++i) found = next_segment(position);
  return found;
}

std::string to_text(const payload_view& view) {
  std::string text = "payload of " + std::to_string(view.body().size()) + " bytes\n";
  text += "  envelope " + std::to_string(view.envelope().size()) + " bytes:";
  append_preview(text, view.envelope());
  payload_view::cursor position;
  for (std::size_t i = 0; i < view.segment_count(); ++i) {
    const auto segment = view.next_segment(position);
    text += "  segment " + std::to_string(i) + ' ' + std::to_string(segment.size()) + " bytes:";
    append_preview(text, segment);
  }
  return text;
}

std::string to_text(const payload& value) {
  std::string text = "payload of " + std::to_string(value.wire_size()) + " bytes\n";
  text += "  envelope " + std::to_string(value.envelope_size()) + " bytes:";
  append_preview(text, value.envelope());
  for (std::size_t i = 0; i < value.segments().size(); ++i) {
    const auto segment = value.segments()[i];
    text += "  segment " + std::to_string(i) + ' ' + std::to_string(segment.size()) + " bytes:";
    append_preview(text, segment);
  }
  return text;
}

std::ostream& operator<<(std::ostream& out, const payload& value) { return out << to_text(value); }

}  // namespace modal
