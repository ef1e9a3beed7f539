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
  holds_objects_ = other.holds_objects_;
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
  holds_objects_ = false;
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

buffer flatten(payload& from, buffer_pool& pool) {
  std::vector<bytes_view> parts;
  from.gather(parts);
  buffer whole = pool.take(from.wire_size());
  std::byte* to = whole.data();
  for (const auto part : parts) to = std::copy(part.begin(), part.end(), to);
  return whole;
}

result<std::size_t> payload_layout::table_end(bytes_view head, const decode_limits& bounds) {
  if (load_integer<std::uint32_t>(head.data()) != payload_magic)
    return error(errc::malformed_payload, "does not start with the payload's magic number");
  const std::size_t count = load_integer<std::uint32_t>(head.data() + 4);
  if (count > bounds.segments)
    return error(errc::too_large, "more segments than decode_limits::segments allows");
  return align_up(payload_head_bytes + 8 * count, envelope_alignment);
}

result<payload_layout> payload_layout::read(bytes_view table, const decode_limits& bounds) {
  constexpr std::size_t most = SIZE_MAX / 4;
  payload_layout found;
  const auto begin = table_end(table, bounds);
  if (!begin) return begin.error();
  found.envelope_begin = *begin;
  const auto add = [&found](std::uint64_t size) {
    if (size > most || found.total > most) return false;
    found.total += static_cast<std::size_t>(size);
    return true;
  };
  const std::size_t count = load_integer<std::uint32_t>(table.data() + 4);
  const auto envelope_bytes = load_integer<std::uint64_t>(table.data() + 8);
  found.total = found.envelope_begin;
  bool fits = add(envelope_bytes);
  found.envelope_bytes = static_cast<std::size_t>(envelope_bytes);
  found.segments.reserve(count);
  for (std::size_t i = 0; i < count && fits; ++i) {
    const auto size = load_integer<std::uint64_t>(table.data() + payload_head_bytes + 8 * i);
    found.total = align_up(found.total, segment_alignment);
    fits = add(size);
    found.segments.push_back(static_cast<std::size_t>(size));
  }
  if (!fits) return error(errc::malformed_payload, "claims more bytes than there can be");
  return found;
}

result<payload_view> payload_view::parse(bytes_view body, const decode_limits& bounds) {
  const auto refuse = [](const char* why) { return error(errc::malformed_payload, why); };
  if (body.size() < payload_head_bytes) return refuse("shorter than a payload's head");
  const auto begin = payload_layout::table_end(body, bounds);
  if (!begin) return begin.error();
  if (body.size() < *begin) return refuse("shorter than its table of segments");
  const auto layout = payload_layout::read(body, bounds);
  if (!layout) return layout.error();
  if (layout->envelope_bytes > body.size() - *begin) return refuse("shorter than its envelope");
  if (layout->total > body.size()) return refuse("shorter than its segments");
  if (layout->total < body.size()) return refuse("bytes follow the last segment");

  std::vector<bytes_view> segments;
  segments.reserve(layout->segments.size());
  std::size_t offset = *begin + layout->envelope_bytes;
  for (const std::size_t size : layout->segments) {
    offset = align_up(offset, segment_alignment);
    segments.push_back(body.subspan(offset, size));
    offset += size;
  }
  return payload_view(body.subspan(*begin, layout->envelope_bytes), std::move(segments),
                      body.size());
}

std::string to_text(const payload_view& view) {
  std::string text = "payload of " + std::to_string(view.size()) + " bytes\n";
  text += "  envelope " + std::to_string(view.envelope().size()) + " bytes:";
  append_preview(text, view.envelope());
  for (std::size_t i = 0; i < view.segments().size(); ++i) {
    const auto segment = view.segments()[i];
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
