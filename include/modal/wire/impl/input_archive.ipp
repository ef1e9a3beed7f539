// SPDX-License-Identifier: Apache-2.0
#include <modal/wire/input_archive.hpp>

#include <string>
#include <sys/mman.h>

namespace modal {

input_archive::input_archive(const payload_view& from, const decode_limits& bounds) noexcept
    : from_(from),
      bounds_(bounds),
      begin_(from.envelope().data()),
      position_(begin_),
      end_(begin_ + from.envelope().size()) {
  const std::size_t received = from.size();
  const bool overflows = bounds.allocation_factor != 0 &&
                         received > (SIZE_MAX - bounds.allocation_base) / bounds.allocation_factor;
  budget_ = overflows ? SIZE_MAX : received * bounds.allocation_factor + bounds.allocation_base;
}

void input_archive::finish() const {
  if (position_ != end_) fail("bytes are left after the last value");
  if (segment_ != from_.segments().size()) fail("segments are left after the last value");
}

void input_archive::align(std::size_t alignment) {
  const auto used = static_cast<std::size_t>(position_ - begin_);
  const std::byte* gap = take(align_up(used, alignment) - used);
  for (; gap != position_; ++gap)
    if (*gap != std::byte{0}) fail("padding is not zero");
}

const std::byte* input_archive::take_segment(std::size_t size) {
  if (segment_ == from_.segments().size()) fail("a range refers to a segment that is not there");
  const auto segment = from_.segments()[segment_++];
  if (segment.size() != size) fail("a segment does not have the size of its range");
  return segment.data();
}

void input_archive::advise_huge_pages(void* data, std::size_t size) noexcept {
  // First-touch faults on 4 KiB pages cost more than the copy that causes them. Only whole huge
  // pages inside the range are advised; a refusal changes nothing but the speed.
  constexpr std::uintptr_t page = std::uintptr_t{2} << 20;
  const auto begin = align_up(reinterpret_cast<std::uintptr_t>(data), page);
  const auto end = (reinterpret_cast<std::uintptr_t>(data) + size) & ~(page - 1);
  if (end > begin) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
}

void input_archive::fail(const char* why) const {
  throw_error(
      {errc::malformed_payload,
       std::string(why) + " (at byte " + std::to_string(position_ - begin_) + " of the envelope)"});
}

void input_archive::fail_limit(const char* why) { throw_error({errc::too_large, why}); }

void input_archive::fail_truncated() const { fail("the payload ends inside a value"); }

}  // namespace modal
