// SPDX-License-Identifier: Apache-2.0
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

}  // namespace

result<std::byte*> device_uploads::take(const std::shared_ptr<gpu::stream>& on, std::size_t bytes) {
  auto block = device_block::take(on, bytes);
  if (!block) return std::move(block).error();
  blocks_.push_back(*std::move(block));
  return static_cast<std::byte*>(blocks_.back().data());
}

// Memory for what is copied from the host.
std::byte* device_uploads::take_host(gpu::stream& on, std::size_t bytes) {
  auto made = on.take_pinned(bytes);
  if (made == nullptr) made = std::make_shared_for_overwrite<std::byte[]>(bytes);
  return staged_.emplace_back(std::move(made)).get();
}

result<void> device_uploads::put(const std::shared_ptr<gpu::stream>& on, bytes_view block,
                                 bytes_view pinned) {
  blocks_.reserve(parts_.size() + 1);
  const auto first_small = std::stable_partition(
      parts_.begin(), parts_.end(), [](const part& each) { return each.bytes >= large; });
  for (auto each = parts_.begin(); each != first_small; ++each)
    if (auto put = put_large(on, *each, pinned); !put) return put;
  parts_.erase(parts_.begin(), first_small);
  std::erase_if(parts_, [](const part& each) { return each.bytes == 0; });
  return parts_.empty() ? result<void>() : put_small(on, block);
}

result<void> device_uploads::put_large(const std::shared_ptr<gpu::stream>& on, const part& which,
                                       bytes_view pinned) {
  auto there = take(on, which.bytes);
  if (!there) return std::move(there).error();
  const std::byte* from = which.from;
  if (!on->is_host() && !lies_in(pinned, from, which.bytes)) {
    if (auto staged = on->take_pinned(which.bytes)) {
      std::memcpy(staged.get(), from, which.bytes);
      from = staged_.emplace_back(std::move(staged)).get();
    }
  }
  auto copied = on->copy(*there, from, which.bytes, gpu::copy_kind::to_device);
  if (copied) which.tell(which.argument, *there);
  return copied;
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
    }
  }
  std::vector<std::size_t> offsets;
  offsets.reserve(parts_.size());
  if (from != nullptr) {
    for (const part& each : parts_) offsets.push_back(static_cast<std::size_t>(each.from - from));
  } else {
    std::byte* const packed = take_host(*on, total);
    from = packed;
    std::size_t at = 0;
    for (const part& each : parts_) {
      at = align_up(at, part_alignment);
      std::memcpy(packed + at, each.from, each.bytes);
      offsets.push_back(at);
      at += each.bytes;
    }
  }
  auto there = take(on, bytes);
  if (!there) return std::move(there).error();
  auto copied = on->copy(*there, from, bytes, gpu::copy_kind::to_device);
  if (!copied) return copied;
  for (std::size_t i = 0; i < parts_.size(); ++i)
    parts_[i].tell(parts_[i].argument, *there + offsets[i]);
  return {};
}

}  // namespace modal::detail
