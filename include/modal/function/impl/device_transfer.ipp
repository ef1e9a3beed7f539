// SPDX-License-Identifier: Apache-2.0
#include <modal/function/context.hpp>
#include <modal/function/device_transfer.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace modal::detail {
namespace {

constexpr std::size_t part_alignment = 64;

bool lies_in(bytes_view block, const std::byte* from, std::size_t bytes) noexcept {
  return std::less_equal<>()(block.data(), from) &&
         std::less_equal<>()(from + bytes, block.data() + block.size());
}

// Returns the memory on the device at which the argument lies already, if it does. Arguments mostly
// ask in the order in which they came.
device_block* find_arrived(device_arrivals* all, const std::byte* from) noexcept {
  if (all == nullptr) return nullptr;
  for (std::size_t left = all->blocks.size(); left != 0; --left) {
    if (all->next >= all->blocks.size()) all->next = 0;
    device_block& each = all->blocks[all->next++].there;
    if (each.data() == from) return &each;
  }
  return nullptr;
}

}  // namespace

// Returns where the bytes can be copied from, in locked memory if there is some and they are not in
// it yet.
const std::byte* device_uploads::stage(gpu::stream& on, const part& which, bytes_view pinned) {
  if (on.is_host() || lies_in(pinned, which.from, which.bytes)) {
    note_path(report_, on.is_host() ? transfer_path::host : transfer_path::pinned);
    return which.from;
  }
  auto made = on.take_pinned(which.bytes);
  note_path(report_, made != nullptr ? transfer_path::pinned : transfer_path::pageable);
  if (made == nullptr) return which.from;
  std::memcpy(made.get(), which.from, which.bytes);
  return staged_.emplace_back(std::move(made)).get();
}

result<void> device_uploads::put(const std::shared_ptr<gpu::stream>& on, bytes_view block,
                                 bytes_view pinned, device_arrivals* arrived) {
  if (arrived != nullptr && arrived->failure) return *arrived->failure;
  std::erase_if(parts_, [](const part& each) { return each.bytes == 0; });
  blocks_.reserve(parts_.size());
  staged_.reserve(parts_.size());
  const auto first_small = std::stable_partition(
      parts_.begin(), parts_.end(),
      [](const part& each) { return each.what == part::kind::pinned || each.goes_alone(); });
  for (auto each = parts_.begin(); each != first_small; ++each) {
    // There may be many, and nobody who waits for them any more.
    if (this_call().stop_requested()) return error(errc::cancelled);
    if (auto put = put_alone(on, *each, pinned, arrived); !put) return put;
  }
  parts_.erase(parts_.begin(), first_small);
  return parts_.empty() ? result<void>() : put_small(on, block);
}

result<void> device_uploads::put_alone(const std::shared_ptr<gpu::stream>& on, const part& which,
                                       bytes_view pinned, device_arrivals* arrived) {
  // What is smaller never goes there by itself.
  if (device_block* there = which.bytes >= large ? find_arrived(arrived, which.from) : nullptr) {
    report_.bytes_up += which.bytes;
    note_path(report_, on->is_host() ? transfer_path::host : transfer_path::pinned);
    take_over(which, std::move(*there));
    return {};
  }
  const std::byte* const from = stage(*on, which, pinned);
  if (which.what == part::kind::pinned) {
    device_block none;
    which.tell(which.argument, const_cast<std::byte*>(from), none);
    return {};
  }
  auto taken = device_block::take(on, which.bytes);
  if (!taken) return std::move(taken).error();
  device_block block = *std::move(taken);
  report_.bytes_up += which.bytes;
  auto copied = on->copy(block.data(), from, which.bytes, gpu::copy_kind::to_device);
  if (!copied) return copied;
  take_over(which, std::move(block));
  return {};
}

// An argument that owns its memory takes it; that of a view stays here.
void device_uploads::take_over(const part& which, device_block there) {
  which.tell(which.argument, there.data(), there);
  if (there.data() != nullptr) blocks_.push_back(std::move(there));
}

result<void> device_uploads::put_small(const std::shared_ptr<gpu::stream>& on, bytes_view block) {
  std::size_t total = 0;
  for (const part& each : parts_) total = align_up(total, part_alignment) + each.bytes;
  const std::byte* from = nullptr;
  std::size_t bytes = total;
  // What a GPU copies is written to locked memory first, which costs less than its driver's way.
  if (on->is_host() && std::all_of(parts_.begin(), parts_.end(), [block](const part& each) {
        return lies_in(block, each.from, each.bytes);
      })) {
    const auto [lowest, highest] = std::minmax_element(
        parts_.begin(), parts_.end(), [](const part& a, const part& b) { return a.from < b.from; });
    // From where it is aligned as the whole block is.
    const std::size_t begin =
        static_cast<std::size_t>(lowest->from - block.data()) / part_alignment * part_alignment;
    const auto end = static_cast<std::size_t>(highest->from + highest->bytes - block.data());
    // What lies between them is copied too: not where that is most of it.
    if (end - begin <= 2 * total + 4096) {
      from = block.data() + begin;
      bytes = end - begin;
      note_path(report_, transfer_path::host);
    }
  }
  std::vector<std::size_t> offsets;
  offsets.reserve(parts_.size());
  if (from != nullptr) {
    for (const part& each : parts_) offsets.push_back(static_cast<std::size_t>(each.from - from));
  } else {
    auto made = on->take_pinned(total);
    note_path(report_, on->is_host()     ? transfer_path::host
                       : made != nullptr ? transfer_path::packed
                                         : transfer_path::pageable);
    if (made == nullptr) made = std::make_shared_for_overwrite<std::byte[]>(total);
    std::byte* const packed = staged_.emplace_back(std::move(made)).get();
    from = packed;
    std::size_t at = 0;
    for (const part& each : parts_) {
      at = align_up(at, part_alignment);
      std::memcpy(packed + at, each.from, each.bytes);
      offsets.push_back(at);
      at += each.bytes;
    }
  }
  auto taken = device_block::take(on, bytes);
  if (!taken) return std::move(taken).error();
  device_block& there = blocks_.emplace_back(*std::move(taken));
  report_.bytes_up += bytes;
  auto copied = on->copy(there.data(), from, bytes, gpu::copy_kind::to_device);
  if (!copied) return copied;
  for (std::size_t i = 0; i < parts_.size(); ++i)
    parts_[i].tell(parts_[i].argument, static_cast<std::byte*>(there.data()) + offsets[i], there);
  return {};
}

}  // namespace modal::detail
