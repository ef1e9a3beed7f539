// SPDX-License-Identifier: Apache-2.0
#include <modal/session/outbox.hpp>

#include <algorithm>
#include <array>
#include <cstring>

namespace modal::detail {
namespace {

constexpr std::size_t most_segments = 16;  // in a batch
constexpr std::uint64_t most_credit = std::uint64_t{1} << 62;

constexpr std::array<std::byte, 64 << 10> zeros{};

}  // namespace

void outgoing_payload::begin(std::vector<bytes_view>&& parts, std::uint64_t credit) noexcept {
  parts_ = std::move(parts);
  next_ = 0;
  credit_ = credit;
  left_ = 0;
  is_dropped_ = false;
  for (const bytes_view each : parts_) left_ += each.size();
}

std::byte* outbox::add(const frame_head& head) {
  const std::size_t begin = filling_.size();
  const std::size_t whole = frame_bytes(head.size);
  filling_.resize(begin + whole);  // zeros
  write_frame_head(filling_.data() + begin, head);
  return filling_.data() + begin + frame_head_bytes;
}

void outbox::add(outgoing_payload& which) noexcept {
  if (which.left_ != 0 && which.credit_ != 0 && !which.hook_.is_linked()) queue_.push_back(which);
}

bool outbox::allow(outgoing_payload& which, std::uint64_t bytes) noexcept {
  if (bytes > most_credit - which.credit_) return false;
  which.credit_ += bytes;
  add(which);
  return true;
}

void outbox::drop(outgoing_payload& which) noexcept {
  if (which.hook_.is_linked()) queue_.erase(queue_.iterator_to(which));
  which.left_ = 0;
  which.parts_.clear();
  if (!which.is_in_batch_) return;
  if (is_writing_)
    which.is_dropped_ = true;
  else
    forget_promises(which);
}

void outbox::forget_promises(outgoing_payload& from) noexcept {
  from.is_in_batch_ = from.is_dropped_ = false;
  for (promise& each : promises_) {
    if (each.from != &from) continue;
    each.from = nullptr;
    // No part of a segment is longer than there are zeros: see `add_segment`.
    for (std::size_t i = each.first; i < each.first + each.count; ++i)
      batch_parts_[i] = bytes_view(zeros).first(batch_parts_[i].size());
  }
}

// Takes `size` bytes, in pieces for which there are zeros enough.
void outbox::add_segment(outgoing_payload& from, std::size_t size) {
  heads_.resize(heads_.size() + frame_head_bytes);
  std::byte* const head = heads_.data() + heads_.size() - frame_head_bytes;
  write_frame_head(
      head,
      {.size = static_cast<std::uint32_t>(size), .kind = frame_kind::segment, .call = from.call});
  batch_parts_.push_back({head, frame_head_bytes});
  promise made{&from, batch_parts_.size(), 0};
  std::size_t left = size;
  while (left != 0) {
    bytes_view& part = from.parts_[from.next_];
    const std::size_t now = std::min({left, part.size(), zeros.size()});
    if (now != 0) batch_parts_.push_back(part.first(now));
    part = part.subspan(now);
    left -= now;
    if (part.empty()) ++from.next_;
  }
  made.count = batch_parts_.size() - made.first;
  promises_.push_back(made);
  if (const std::size_t gap = frame_bytes(size) - frame_head_bytes - size; gap != 0)
    batch_parts_.push_back(bytes_view(zeros).first(gap));
  from.left_ -= size;
  from.credit_ -= size;
  from.is_in_batch_ = true;
}

std::span<const bytes_view> outbox::batch(std::size_t segment, std::size_t whole) {
  if (!batch_.empty()) {
    is_writing_ = true;
    return batch_;
  }
  segment = std::clamp<std::size_t>(segment, 1, most_segment);
  batch_parts_.clear();
  promises_.clear();
  heads_.clear();
  // All memory first: what is begun is then carried out. A segment has at most so many parts that
  // are whole, and those that are cut.
  std::size_t parts = 1;
  for (const outgoing_payload& each : queue_)
    parts += each.parts_.size() - each.next_ + 3 * most_segments;
  batch_parts_.reserve(parts + 2 * most_segments + whole / zeros.size());
  heads_.reserve(most_segments * frame_head_bytes);
  promises_.reserve(most_segments);

  std::swap(filling_, sending_);
  filling_.clear();
  sending_left_ = sending_.size();
  if (!sending_.empty()) batch_parts_.push_back(sending_);
  std::size_t sum = 0;
  for (std::size_t i = 0; i < most_segments && sum < whole && !queue_.empty(); ++i) {
    outgoing_payload& from = queue_.front();
    queue_.pop_front();
    const auto size = static_cast<std::size_t>(
        std::min<std::uint64_t>({from.left_, from.credit_, segment, whole - sum}));
    add_segment(from, size);
    sum += size;
    add(from);  // behind the others
  }
  batch_ = batch_parts_;
  is_writing_ = true;
  return batch_;
}

void outbox::note_written(std::size_t size) noexcept {
  is_writing_ = false;
  sending_left_ -= std::min(sending_left_, size);
  while (!batch_.empty() && size >= batch_.front().size()) {
    size -= batch_.front().size();
    batch_ = batch_.subspan(1);
  }
  if (size != 0) batch_.front() = batch_.front().subspan(size);
  keep_promises();
  for (std::size_t i = 0; i < promises_.size(); ++i)
    if (outgoing_payload* const from = promises_[i].from; from != nullptr && from->is_dropped_)
      forget_promises(*from);
}

// What is out of a payload is out, whatever else is in the batch: the other end has it, and may use
// its number again.
void outbox::keep_promises() noexcept {
  const std::size_t parts = batch_parts_.size() - batch_.size();
  const auto is_written = [&](const promise& each) { return each.first + each.count <= parts; };
  for (const promise& each : promises_)
    if (each.from != nullptr) each.from->is_in_batch_ = false;
  for (const promise& each : promises_)
    if (each.from != nullptr && !is_written(each)) each.from->is_in_batch_ = true;
  for (promise& each : promises_) {
    if (each.from == nullptr || !is_written(each)) continue;
    if (!each.from->is_in_batch_) each.from->is_dropped_ = false;
    each.from = nullptr;
  }
  if (batch_.empty()) promises_.clear();
}

void outbox::trim() noexcept {
  if (!batch_.empty() || !filling_.empty()) return;
  give_back(filling_);
  give_back(sending_);
  give_back(heads_);
  give_back(batch_parts_);
}

}  // namespace modal::detail
