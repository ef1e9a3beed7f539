// SPDX-License-Identifier: Apache-2.0
#include "dispatch/arriving_segments.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace modal::detail {

arriving_segments::arriving_segments(std::shared_ptr<device_slot> on,
                                     std::unique_ptr<segment_memory> otherwise)
    : slot_(std::move(on)), otherwise_(std::move(otherwise)), asked_(slot_, pieces * piece_bytes) {}

arriving_segments::~arriving_segments() {
  if (ring_ == nullptr) return;
  arrivals_.blocks.clear();  // given back behind the copies
  if (slot_->which().is_given_up()) {
    keep_for_ever(std::move(ring_));
    return;
  }
  if (std::all_of(copied_.begin(), copied_.end(), [](const auto& each) {
        if (each == nullptr) return true;
        const auto passed = each->is_passed();
        return !passed || *passed;
      }))
    return;
  // The copies read the ring, and the next user of the stream must find it idle.
  auto last = ring_->stream->record();
  try {
    slot_->when_passed(
        last.value(),
        [own = ring_.get(), slot = slot_] {
          std::unique_ptr<ring> done(own);
          if (slot->which().is_given_up()) keep_for_ever(std::move(done));
        },
        real_clock().now());
    (void)ring_.release();
  } catch (const std::exception&) {
    ring_->stream->drain();
    if (slot_->which().is_given_up()) keep_for_ever(std::move(ring_));  // then nobody waited
  }
}

result<std::span<std::byte>> arriving_segments::find_room(const segment_part& due,
                                                          std::function<void()> resume) {
  if (asked_.is_waiting(resume)) return std::span<std::byte>();
  send_piece();
  if (present_ != due.segment) {
    goes_there_ = begin_segment(due);
    present_ = due.segment;
  }
  if (!goes_there_) return otherwise_->find_room(due, std::move(resume));
  auto& busy = copied_[next_];
  if (busy != nullptr) {
    const auto passed = busy->is_passed();
    if (!passed) {
      fail(passed.error());
    } else if (!*passed) {
      try {
        slot_->when_passed(busy, std::move(resume));
        return std::span<std::byte>();
      } catch (const std::exception&) {  // there is no memory, or no thread, for anything better
        (void)busy->wait();
      }
    }
    busy = nullptr;
  }
  filling_ = std::span(ring_->memory.get() + next_ * piece_bytes, std::min(piece_bytes, due.left));
  return filling_;
}

// Returns whether the device has memory for it.
bool arriving_segments::begin_segment(const segment_part& due) {
  if (asked_.block() == nullptr || arrivals_.failure) return false;
  if (ring_ == nullptr) {
    auto made = std::make_unique<ring>();
    auto taken = slot_->take_stream();
    if (!taken) return false;  // whoever runs the call will be told the same
    made->memory = asked_.block();
    made->stream = *std::move(taken);
    ring_ = std::move(made);
  }
  arrivals_.blocks.reserve(arrivals_.blocks.size() + 1);
  auto taken = device_block::take(ring_->stream, due.left);
  if (!taken) return false;
  arrivals_.blocks.push_back({due.segment, due.left, *std::move(taken)});
  target_ = static_cast<std::byte*>(arrivals_.blocks.back().there.data());
  return true;
}

// The piece that was given is full: copies it.
void arriving_segments::send_piece() noexcept {
  if (filling_.empty()) return;
  const auto piece = std::exchange(filling_, {});
  if (arrivals_.failure) return;  // what still comes is for nobody
  auto copied = ring_->stream->copy(target_, piece.data(), piece.size(), gpu::copy_kind::to_device);
  if (!copied) return fail(std::move(copied).error());
  auto mark = ring_->stream->record();
  if (!mark) {
    ring_->stream->drain();
    return fail(std::move(mark).error());
  }
  copied_[next_] = *std::move(mark);
  next_ = (next_ + 1) % pieces;
  target_ += piece.size();
}

void arriving_segments::fail(error reason) noexcept {
  if (!arrivals_.failure) arrivals_.failure = std::move(reason);
}

void arriving_segments::settle(std::span<bytes_view> segments) noexcept {
  send_piece();
  for (const auto& each : arrivals_.blocks)
    segments[each.segment] = {static_cast<const std::byte*>(each.there.data()), each.bytes};
}

}  // namespace modal::detail
