// SPDX-License-Identifier: Apache-2.0
#include "http1/body_assembler.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace modal::detail {

bool body_assembler::fail(errc what, std::string message) {
  failure_.emplace(what, std::move(message));
  return false;
}

void body_assembler::reset() noexcept {
  stage_ = stage::done;
  received_ = 0;
  front_ = {};
  front_used_ = 0;
  table_.clear();
  segments_.clear();
  position_ = nullptr;
}

void body_assembler::begin(shape what, std::optional<std::size_t> length, std::size_t most_bytes,
                           const decode_limits& bounds) {
  reset();
  failure_.reset();
  shape_ = what;
  length_ = length;
  most_bytes_ = most_bytes;
  bounds_ = &bounds;
  if (what == shape::text) {
    stage_ = length == 0 ? stage::done : stage::text;
  } else {
    stage_ = stage::head;
    if (length && *length < payload_head_bytes)
      fail(errc::malformed_payload, "shorter than a payload's head");
  }
}

std::size_t body_assembler::memory_for(std::size_t total) const noexcept {
  if (stage_ != stage::text || length_) return total;
  if (total <= front_.size()) return front_.size();
  return std::max(total, std::min(2 * front_.size(), most_bytes_));
}

// Of a text whose length nobody knows.
void body_assembler::grow(std::size_t total) {
  if (total <= front_.size()) return;
  buffer grown = pool_.take(memory_for(total));
  if (front_used_ != 0) std::memcpy(grown.data(), front_.data(), front_used_);
  front_ = std::move(grown);
}

bool body_assembler::make_ready() {
  if (failure_) return false;
  try {
    if (stage_ == stage::text && length_ && front_.data() == nullptr) front_ = pool_.take(*length_);
    return true;
  } catch (const std::bad_alloc&) {
    return fail(errc::queue_full, "no memory for the call's body");
  }
}

std::optional<segment_part> body_assembler::want() const noexcept {
  if (failure_ || stage_ != stage::bytes || position_ != nullptr) return std::nullopt;
  const std::size_t which = part_ - 1;
  return segment_part{which, layout_.segments[which] - left_, left_};
}

std::size_t body_assembler::takes() const noexcept {
  switch (stage_) {
    case stage::text:
      return length_ ? *length_ - front_used_ : most_bytes_ - front_used_;
    case stage::head:
      return head_.size() - received_;
    case stage::table:
      return table_bytes_ - table_.size();
    case stage::gap:
    case stage::bytes:
      break;
    case stage::done:
      return 0;
  }
  std::size_t sum = stage_ == stage::gap ? gap_left_ : 0;
  if (position_ == nullptr) return sum;
  sum += room_left_;
  if (room_left_ != left_) return sum;
  for (std::size_t next = part_; next < layout_.segments.size(); ++next) {
    const std::size_t at = received_ + sum;
    sum += align_up(at, segment_alignment) - at;
    if (layout_.segments[next] >= large_segment) break;
    sum += layout_.segments[next];
  }
  return sum;
}

void body_assembler::give(std::span<std::byte> room) noexcept {
  const std::size_t which = part_ - 1;
  // There is memory for as many as the table names.
  if (segments_.size() == which) segments_.emplace_back(room.data(), layout_.segments[which]);
  position_ = room.data();
  room_left_ = room.size();
}

bool body_assembler::read_head() {
  auto table_bytes = payload_layout::table_end(head_, *bounds_);
  if (!table_bytes) {
    failure_ = std::move(table_bytes).error();
    return false;
  }
  table_bytes_ = *table_bytes;
  table_.reserve(table_bytes_);
  table_.assign(head_.begin(), head_.end());
  stage_ = stage::table;
  return table_.size() != table_bytes_ || read_table();
}

// Now it is known what comes, and how much.
bool body_assembler::read_table() {
  auto layout = payload_layout::read(table_, *bounds_);
  if (!layout) {
    failure_ = std::move(layout).error();
    return false;
  }
  layout_ = std::move(*layout);
  if (length_ && layout_.total != *length_)
    return fail(errc::malformed_payload,
                "the table of the payload says that it has " + std::to_string(layout_.total) +
                    " bytes, and content-length says " + std::to_string(*length_));
  if (layout_.total > most_bytes_)
    return fail(errc::too_large, "the body has " + std::to_string(layout_.total) +
                                     " bytes, the limit is " + std::to_string(most_bytes_));
  std::size_t front = layout_.envelope_bytes;
  for (const std::size_t size : layout_.segments)
    if (size < large_segment) front = align_up(front, segment_alignment) + size;
  segments_.reserve(layout_.segments.size());
  if (front != 0) front_ = pool_.take(front);
  part_ = 0;
  left_ = room_left_ = layout_.envelope_bytes;
  position_ = front_.data();
  front_used_ = left_;
  gap_left_ = 0;
  stage_ = stage::bytes;
  if (left_ == 0) next_part();
  return true;
}

// Goes to the next part that has bytes, or gaps before it.
void body_assembler::next_part() noexcept {
  for (;;) {
    if (part_ == layout_.segments.size()) {
      stage_ = stage::done;
      return;
    }
    left_ = layout_.segments[part_++];
    gap_left_ = align_up(received_, segment_alignment) - received_;
    position_ = nullptr;
    if (left_ < large_segment) {
      front_used_ = align_up(front_used_, segment_alignment);
      position_ = front_.data() + front_used_;
      room_left_ = left_;
      segments_.emplace_back(position_, left_);
      front_used_ += left_;
    }
    stage_ = gap_left_ != 0 ? stage::gap : stage::bytes;
    if (gap_left_ != 0 || left_ != 0) return;
  }
}

std::size_t body_assembler::append(std::string_view piece) {
  const std::size_t before = received_;
  const auto copy = [&](std::byte* to, std::size_t most) {
    const std::size_t size = std::min(most, piece.size());
    if (to != nullptr) std::memcpy(to, piece.data(), size);
    piece.remove_prefix(size);
    received_ += size;
    return size;
  };
  try {
    while (!piece.empty()) {
      if (!make_ready() || want()) break;
      switch (stage_) {
        case stage::text:
          if (!length_) grow(front_used_ + piece.size());
          front_used_ += copy(front_.data() + front_used_, front_.size() - front_used_);
          if (length_ && front_used_ == *length_) stage_ = stage::done;
          break;
        case stage::head:
          copy(head_.data() + received_, head_.size() - received_);
          if (received_ == head_.size()) read_head();
          break;
        case stage::table: {
          const std::size_t at = table_.size();
          table_.resize(at + std::min(table_bytes_ - at, piece.size()));
          copy(table_.data() + at, table_.size() - at);
          if (table_.size() == table_bytes_) read_table();
          break;
        }
        case stage::gap:
          gap_left_ -= copy(nullptr, gap_left_);
          if (gap_left_ == 0) stage_ = stage::bytes;
          if (gap_left_ == 0 && left_ == 0) next_part();
          break;
        case stage::bytes: {
          advance(copy(position_, room_left_));
          break;
        }
        case stage::done:
          fail(errc::malformed_payload, "bytes follow the last segment");
      }
    }
  } catch (const std::bad_alloc&) {
    fail(errc::queue_full, "no memory for the call's body");
  }
  return received_ - before;
}

// `size` bytes of the present part have come.
void body_assembler::advance(std::size_t size) noexcept {
  left_ -= size;
  room_left_ -= size;
  position_ = room_left_ == 0 ? nullptr : position_ + size;
  if (left_ == 0) next_part();
}

bool body_assembler::end() {
  if (failure_) return false;
  if (stage_ == stage::text) {
    if (front_.data() != nullptr) front_.resize(front_used_);
    stage_ = stage::done;
  }
  if (stage_ == stage::done) return true;
  return fail(errc::malformed_payload, stage_ == stage::head ? "shorter than a payload's head"
                                                             : "shorter than its segments");
}

std::span<char> body_assembler::room() noexcept {
  auto* const at = [this]() -> std::byte* {
    if (stage_ == stage::text && length_ && front_.data() != nullptr)
      return front_.data() + front_used_;
    return stage_ == stage::bytes ? position_ : nullptr;
  }();
  if (at == nullptr) return {};
  return {reinterpret_cast<char*>(at), stage_ == stage::text ? *length_ - front_used_ : room_left_};
}

void body_assembler::commit(std::size_t size) noexcept {
  received_ += size;
  if (stage_ == stage::text) {
    front_used_ += size;
    if (front_used_ == *length_) stage_ = stage::done;
    return;
  }
  advance(size);
}

incoming_body body_assembler::take() noexcept {
  if (shape_ == shape::text) {
    incoming_body whole(std::move(front_));
    reset();
    return whole;
  }
  payload_view parts({front_.data(), layout_.envelope_bytes}, std::move(segments_), layout_.total);
  incoming_body whole(std::move(front_), std::move(parts));
  reset();
  return whole;
}

}  // namespace modal::detail
